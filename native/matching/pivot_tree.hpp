// The chain of the column in work: a set of rows with a fast maximum.
//
// A bit per row, and above each 64 bits one bit that tells whether any is set, and so on.
// Adding a row that is there removes it, as Z/2 wants; a chain of any length costs a few
// steps per change.
#pragma once

#include <cstdint>
#include <vector>

#include "../volume/bits.hpp"

namespace topoeval::matching {

class PivotTree {
 public:
  // Empties the set and makes room for rows below count.
  void reset(std::size_t count) {
    levels_ = 0;
    do {
      count = (count + 63) / 64;
      level_[levels_++].assign(count, 0);
    } while (count > 1);
  }

  // Removes rows that are known to be all there are.
  void clear(const std::uint32_t* rows, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t row = rows[i];
      for (int l = 0; l < levels_; ++l, row >>= 6) level_[l][row >> 6] = 0;
    }
  }

  // Appends all rows.
  void copy_to(std::vector<std::uint32_t>& out) const { copy(levels_ - 1, 0, out); }

  bool empty() const { return level_[levels_ - 1][0] == 0; }

  void toggle(std::uint32_t row) {
    for (int l = 0; l < levels_; ++l, row >>= 6) {
      std::uint64_t& word = level_[l][row >> 6];
      const std::uint64_t before = word;
      word ^= std::uint64_t{1} << (row & 63);
      if (before != 0 && word != 0) return;  // above, nothing changes
    }
  }

  // Of a set that is not empty.
  std::uint32_t maximum() const {
    std::uint32_t at = 0;
    for (int l = levels_ - 1; l >= 0; --l) {
      at = at << 6 | static_cast<std::uint32_t>(volume::highest_bit(level_[l][at]));
    }
    return at;
  }

 private:
  void copy(int l, std::uint32_t at, std::vector<std::uint32_t>& out) const {
    volume::for_each_bit(level_[l][at], [&](int bit) {
      const std::uint32_t below = at << 6 | static_cast<std::uint32_t>(bit);
      if (l == 0) {
        out.push_back(below);
      } else {
        copy(l - 1, below, out);
      }
    });
  }

  static constexpr int kMostLevels = 6;
  std::vector<std::uint64_t> level_[kMostLevels];
  int levels_ = 0;
};

}  // namespace topoeval::matching
