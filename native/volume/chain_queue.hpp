// The chain of the column in work: a priority queue of entries.
//
// Most chains hold a dozen entries or fewer.  For those a plain array that is searched for its
// minimum beats any heap, as it can do without unpredictable branches: it is searched and
// copied some entries at a time, over its end into padding.  A chain that outgrows the array
// moves to a radix heap, and stays there until the column is done.
#pragma once

#include <cstring>

#include "radix_heap.hpp"

namespace topoeval::volume {

// Stored chains are padded to multiples of this.
constexpr std::uint32_t kCopyStride = 4;
constexpr std::uint32_t padded_length(std::uint32_t length) {
  return (length + kCopyStride - 1) / kCopyStride * kCopyStride;
}

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

  // Adds a stored chain, padding and all.
  void add(const Entry* entries, std::uint32_t length) {
    if (!spilled_ && size_ + length <= kSmall) {
      copy(entries, length, front_ + size_);
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
    for (std::uint32_t i = 0; i < kStride; ++i) front_[size_ + i] = Entry::after_all();
    Entry first = front_[0], second = front_[1];
    for (std::uint32_t i = 0; i < size_; i += kStride) {
      for (std::uint32_t j = i; j < i + kStride; j += 2) {
        first = front_[j] < first ? front_[j] : first;
        second = front_[j + 1] < second ? front_[j + 1] : second;
      }
    }
    first = second < first ? second : first;
    std::uint32_t kept = 0, merged = 0, end = 0;
    for (; end < size_; end += kStride) {
      for (std::uint32_t i = end; i < end + kStride; ++i) {
        const Entry entry = front_[i];
        const std::uint32_t same = entry.same_owner(first);
        merged ^= RadixHeap<Entry>::cells_of(entry) & (0u - same);
        front_[kept] = entry;
        kept += 1 - same;
      }
    }
    size_ = kept - (end - size_);
    owner = first;
    origin_ = first;
    cells = merged;
    return true;
  }

  // Copies the chain, mostly without what occurs twice, to where there is room for
  // padded_length(size()).  Returns how many entries that makes.
  std::uint32_t copy_to(Entry* out) {
    std::uint32_t length = 0;
    if (spilled_) {
      spill();
      heap_.compact(repeats_, [&](Entry entry) { out[length++] = entry; });
      for (std::uint32_t i = length; i < padded_length(length); ++i) out[i] = Entry::after_all();
    } else {
      length = size_ = repeats_.cancel(front_, size_);
      copy(front_, length, out);
    }
    return length;
  }

  std::size_t size() const { return size_ + (spilled_ ? heap_.size() : 0); }

 private:
  static constexpr std::uint32_t kSmall = 20;
  static constexpr std::uint32_t kStride = 4;  // of the search

  static void copy(const Entry* from, std::uint32_t length, Entry* to) {
    for (std::uint32_t i = 0; i < length; i += kCopyStride) {
      std::memcpy(to + i, from + i, kCopyStride * sizeof(Entry));
    }
  }

  void spill() {
    if (!spilled_) heap_.restart(origin_);
    spilled_ = true;
    for (std::uint32_t i = 0; i < size_; ++i) heap_.push(front_[i]);
    size_ = 0;
  }

  Entry front_[kSmall + kMaxPushes + kStride] = {};
  std::uint32_t size_ = 0;
  bool spilled_ = false;
  Entry origin_{};
  RadixHeap<Entry> heap_;
  RepeatFinder<Entry> repeats_;
};

}  // namespace topoeval::volume
