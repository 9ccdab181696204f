// The chain of the column in work: a priority queue of entries.
//
// Most chains hold a dozen entries or fewer.  For those a plain array that is searched for its
// minimum beats any heap, as it runs without unpredictable branches.  A chain that outgrows the
// array moves to a radix heap, and stays there until the column is done.
#pragma once

#include <cstring>

#include "radix_heap.hpp"

namespace topoeval::volume {

template <class Entry> class ChainQueue {
 public:
  // The most that may be pushed with push_if between two calls of pop.
  static constexpr std::uint32_t kMaxPushes = 24;

  // Empties the queue.  What is pushed from now on has no owner before this one.
  void restart(Entry origin) {
    if (spilled_) heap_.restart(origin);
    spilled_ = false;
    size_ = 0;
    origin_ = origin;
  }

  // Pushes only if wanted is 1 rather than 0.  The entry is written anyway: the outcome is as
  // good as random, and a mispredicted branch costs more than a store.
  void push_if(Entry entry, std::uint32_t wanted) {
    front_[size_] = entry;
    size_ += wanted;
  }

  // Adds a stored chain.
  void add(const Entry* entries, std::uint32_t length) {
    if (!spilled_ && size_ + length <= kSmall) {
      std::memcpy(front_ + size_, entries, length * sizeof(Entry));
      size_ += length;
    } else {
      spill();
      for (std::uint32_t i = 0; i < length; ++i) heap_.push(entries[i]);
    }
  }

  // Takes the entries of the first owner and merges them into an entry and a mask of cells.
  // The mask is empty when they cancel.  Returns false when the queue is empty.
  bool pop(Entry& owner, std::uint32_t& cells) {
    if (spilled_ || size_ > kSmall) {
      spill();
      return heap_.pop(owner, cells);
    }
    if (size_ == 0) return false;
    Entry first = front_[0];
    for (std::uint32_t i = 1; i < size_; ++i) first = front_[i] < first ? front_[i] : first;
    std::uint32_t kept = 0, merged = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const Entry entry = front_[i];
      const bool same = entry.same_owner(first);
      merged ^= same ? RadixHeap<Entry>::cells_of(entry) : 0;
      front_[kept] = entry;
      kept += !same;
    }
    size_ = kept;
    owner = first;
    origin_ = first;
    cells = merged;
    return true;
  }

  // Copies the chain to where there is room for size(), without what occurs twice.  Returns how
  // many entries that makes.
  std::uint32_t copy_to(Entry* out) {
    if (!spilled_) {
      if (may_repeat()) size_ = RadixHeap<Entry>::cancel(front_, 0, size_);
      std::memcpy(out, front_, size_ * sizeof(Entry));
      return size_;
    }
    spill();
    std::uint32_t length = 0;
    heap_.compact([&](Entry entry) { out[length++] = entry; });
    return length;
  }

  std::size_t size() const { return size_ + (spilled_ ? heap_.size() : 0); }

 private:
  static constexpr std::uint32_t kSmall = 16;

  void spill() {
    if (!spilled_) heap_.restart(origin_);
    spilled_ = true;
    for (std::uint32_t i = 0; i < size_; ++i) heap_.push(front_[i]);
    size_ = 0;
  }

  // Whether two entries may have one owner; false is certain.  Cheaper than sorting, and most
  // chains hold nothing twice.
  bool may_repeat() const {
    std::uint64_t seen[4] = {};
    std::uint64_t clash = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const std::uint32_t hash = front_[i].place() * 0x9E3779B1u;
      std::uint64_t& word = seen[hash >> 30];
      const std::uint64_t bit = std::uint64_t{1} << (hash >> 24 & 63);
      clash |= word & bit;
      word |= bit;
    }
    return clash != 0;
  }

  Entry front_[kSmall + kMaxPushes + 1];
  std::uint32_t size_ = 0;
  bool spilled_ = false;
  Entry origin_{};
  RadixHeap<Entry> heap_;
};

}  // namespace topoeval::volume
