// Cancelling what a chain contains twice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "entry.hpp"

namespace topoeval::volume {

// A hash table from owners to positions, filled anew for each array.  Sorting the array would do
// the same at the price of a mispredicted branch or two per entry.
template <class Entry> class RepeatFinder {
 public:
  // Merges entries of one owner, drops those that cancel; returns how many are left.
  std::uint32_t cancel(Entry* entries, std::uint32_t size) {
    if (size < 2) return size;
    int bits = 4;
    while ((size * std::uint64_t{4}) >> bits != 0) ++bits;
    if (table_.size() < std::size_t{1} << bits) table_.resize(std::size_t{1} << bits);
    std::uint32_t* table = table_.data();
    const std::uint32_t mask = (1u << bits) - 1;
    std::fill(table, table + mask + 1, 0u);

    std::uint32_t cancelled = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      std::uint32_t at = entries[i].place() * 0x9E3779B1u >> (32 - bits);
      while (table[at] != 0 && !meet(entries[table[at] - 1], entries[i])) at = (at + 1) & mask;
      if (table[at] == 0) {
        table[at] = i + 1;
      } else {
        add(entries[i], entries[table[at] - 1]);
        ++cancelled;
      }
    }
    if (cancelled == 0) return size;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      const bool keep = !is_empty(entries[i]);
      entries[kept] = entries[i];
      kept += keep;
    }
    return kept;
  }

 private:
  // A single numbered cell only meets the same cell; an empty entry then meets nothing.
  static bool meet(const Entry& a, const Entry& b) {
    return a.same_owner(b) && (!Entry::kNumbersCells || a.payload() == b.payload());
  }
  static bool is_empty(const Entry& entry) {
    return Entry::kNumbersCells ? entry.same_owner(Entry::after_all()) : entry.payload() == 0;
  }
  // Moves the cells of one entry to an earlier one that it meets.
  static void add(Entry& from, Entry& to) {
    if (Entry::kNumbersCells) {
      from = to = Entry::after_all();
    } else {
      to = to.with_payload(to.payload() ^ from.payload());
      from = from.with_payload(0);
    }
  }

  std::vector<std::uint32_t> table_;  // position + 1, or 0
};

}  // namespace topoeval::volume
