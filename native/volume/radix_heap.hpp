// A priority queue for long chains: entries leave in ascending order of their owner.
//
// While a column is reduced owners only ever ascend, so a radix heap serves: an entry waits in
// the bucket named by the highest bit in which its owner differs from the last one taken.
// Pushing is a store without comparisons; an entry changes bucket at most once per bit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "repeats.hpp"

namespace topoeval::volume {

template <class Entry> class RadixHeap {
 public:
  // Empties the heap.  What is pushed from now on has no owner before this one.
  void restart(Entry origin) {
    for (std::uint64_t& word : occupied_) {
      const std::uint64_t group = static_cast<std::uint64_t>(&word - occupied_);
      for_each_bit(word,
                   [&](int b) { buckets_[group * 64 + static_cast<std::uint64_t>(b)].clear(); });
      word = 0;
    }
    last_ = origin;
  }

  void push(Entry entry) {
    const int b = entry.distance(last_);
    Bucket& bucket = buckets_[b];
    if (bucket.size == bucket.entries.size()) grow(bucket);
    bucket.entries[bucket.size++] = entry;
    occupied_[b / 64] |= std::uint64_t{1} << (b & 63);
  }

  // Takes the entries of the first owner and merges them into an entry and a mask of cells.
  // The mask is empty when they cancel.  Returns false when the heap is empty.
  bool pop(Entry& owner, std::uint32_t& cells) {
    if (!(occupied_[0] & 1) && !advance()) return false;
    Bucket& first = buckets_[0];
    owner = last_;
    cells = 0;
    for (std::uint32_t i = 0; i < first.size; ++i) cells ^= cells_of(first.entries[i]);
    first.clear();
    occupied_[0] &= ~std::uint64_t{1};
    return true;
  }

  // Cancels most of what occurs twice.  Calls visit(entry) for the rest, in no particular order.
  template <class Visit> void compact(RepeatFinder<Entry>& repeats, Visit visit) {
    for (int group = 0; group < kGroups; ++group) {
      for_each_bit(occupied_[group], [&](int b) {
        Bucket& bucket = buckets_[group * 64 + b];
        // A little that is new does not pay for a pass over all.  What stays in is never more
        // than a quarter, so chains cannot grow out of bounds by it.
        if (bucket.size > bucket.distinct + bucket.distinct / 4) {
          bucket.size = bucket.distinct = repeats.cancel(bucket.entries.data(), bucket.size);
        }
        if (bucket.size == 0) occupied_[group] &= ~(std::uint64_t{1} << b);
        for (std::uint32_t i = 0; i < bucket.size; ++i) visit(bucket.entries[i]);
      });
    }
  }

  std::size_t size() const {
    std::size_t sum = 0;
    for (int group = 0; group < kGroups; ++group) {
      for_each_bit(occupied_[group], [&](int b) { sum += buckets_[group * 64 + b].size; });
    }
    return sum;
  }

  static std::uint32_t cells_of(Entry entry) {
    return Entry::kNumbersCells ? 1u << entry.payload() : entry.payload();
  }

 private:
  static constexpr int kGroups = (Entry::kBuckets + 63) / 64;
  struct Bucket {
    std::vector<Entry> entries;  // its size is the capacity; size counts what is in use
    std::uint32_t size = 0;
    std::uint32_t distinct = 0;  // so many were left when repeats were last cancelled

    void clear() { size = distinct = 0; }
  };

  static void grow(Bucket& bucket) {
    bucket.entries.resize(std::max<std::size_t>(8, 2 * bucket.entries.size()));
  }

  // Moves on to the first owner there is and brings its entries into bucket 0.
  bool advance() {
    int b;
    if (occupied_[0] != 0) {
      b = lowest_bit(occupied_[0]);
    } else if (kGroups == 2 && occupied_[kGroups - 1] != 0) {
      b = 64 + lowest_bit(occupied_[kGroups - 1]);
    } else {
      return false;
    }
    Bucket& bucket = buckets_[b];
    Entry first = bucket.entries[0];
    for (std::uint32_t i = 1; i < bucket.size; ++i) first = std::min(first, bucket.entries[i]);
    last_ = first;
    occupied_[b / 64] &= ~(std::uint64_t{1} << (b & 63));
    const std::uint32_t size = bucket.size;
    bucket.clear();
    for (std::uint32_t i = 0; i < size; ++i) push(bucket.entries[i]);  // into lower buckets
    return true;
  }

  Bucket buckets_[Entry::kBuckets];
  std::uint64_t occupied_[kGroups] = {};
  Entry last_{};
};

}  // namespace topoeval::volume
