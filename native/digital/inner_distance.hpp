// Squared Euclidean distances inside regions, exact, axis by axis.
//
// Along a line the nearest place outside lies at one of the two ends of the run that a voxel is in, or
// is seen through another voxel of the run: so runs are worked on by themselves, each by
// its lower envelope of parabolas (Meijster, Roerdink and Hesselink, 2000; Felzenszwalb and
// Huttenlocher, 2012), and what lies outside the regions costs next to nothing.  Where nothing is deep
// the envelope is found step by step instead, many columns at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../common/interrupt.hpp"

namespace topoeval::digital {

class InnerDistance {
 public:
  // distance: depth x height x width in C order, nonzero inside the regions; none of them touches
  // the border.  rank: 2 (depth is 1) or 3.
  void compute(std::int32_t* distance, const std::int64_t (&sides)[3], int rank,
               Interrupt& interrupt) {
    const std::int64_t width = sides[2], plane = sides[1] * width;
    for (std::int64_t row = 0; row < sides[0] * sides[1]; ++row) {
      if (row % 256 == 0) interrupt.poll();
      along_row(distance + row * width, width);
    }
    for (std::int64_t z = 0; z < sides[0]; ++z) {
      across(distance + z * plane, width, sides[1], width, interrupt);
    }
    if (rank == 2) return;
    for (std::int64_t y = 0; y < sides[1]; ++y) {
      across(distance + y * width, width, sides[0], plane, interrupt);
    }
  }

 private:
  // No distance is larger in the end: an item has fewer than 2^31 voxels, so some side is short.
  static constexpr std::int64_t kFarthest = 32768;
  static constexpr int kTogether = 16;  // columns: a cache line
  static constexpr int kMostSteps = 24;

  static void along_row(std::int32_t* row, std::int64_t width) {
    for (std::int64_t begin = 0; begin < width;) {
      if (row[begin] == 0) {
        ++begin;
        continue;
      }
      std::int64_t end = begin;
      while (row[end] != 0) ++end;
      for (std::int64_t x = begin; x < end; ++x) {
        const std::int64_t steps = std::min({x - begin + 1, end - x, kFarthest});
        row[x] = static_cast<std::int32_t>(steps * steps);
      }
      begin = end;
    }
  }

  // Columns of `length` values, `stride` apart, that begin side by side.
  void across(std::int32_t* first, std::int64_t columns, std::int64_t length, std::int64_t stride,
              Interrupt& interrupt) {
    for (std::int64_t x = 0; x < columns; x += kTogether) {
      interrupt.poll();
      const std::int64_t count = std::min<std::int64_t>(kTogether, columns - x);
      if (count == kTogether && across_shallow(first + x, length, stride)) continue;
      tile_.resize(static_cast<std::size_t>(kTogether * length));
      std::int32_t any[kTogether] = {};
      for (std::int64_t i = 0; i < length; ++i) {
        const std::int32_t* from = first + i * stride + x;
        for (std::int64_t c = 0; c < count; ++c) {
          any[c] |= from[c];
          tile_[static_cast<std::size_t>(c * length + i)] = from[c];
        }
      }
      for (std::int64_t c = 0; c < count; ++c) {
        if (any[c] != 0) along_column(tile_.data() + c * length, length);
      }
      for (std::int64_t i = 0; i < length; ++i) {
        std::int32_t* to = first + i * stride + x;
        for (std::int64_t c = 0; c < count; ++c) {
          to[c] = tile_[static_cast<std::size_t>(c * length + i)];
        }
      }
    }
  }

  // Each voxel looks 1, 2, ... steps to both sides, until whatever is farther lies beyond the least so
  // far.  False, and nothing changed, if that takes more than kMostSteps.
  bool across_shallow(std::int32_t* first, std::int64_t length, std::int64_t stride) {
    using Row = std::int16_t[kTogether];
    constexpr std::int32_t kDeep = 2 * kMostSteps * kMostSteps;  // no sum leaves 16 bits
    rows_.resize(static_cast<std::size_t>((2 * length + 2 * kMostSteps) * kTogether));
    auto* in = reinterpret_cast<Row*>(rows_.data()) + kMostSteps;
    Row* out = in + length + kMostSteps;
    std::fill_n(rows_.data(), kMostSteps * kTogether, std::int16_t{0});
    std::fill_n(in[length], kMostSteps * kTogether, std::int16_t{0});
    std::int32_t any = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int32_t* from = first + i * stride;
      for (int c = 0; c < kTogether; ++c) {
        any |= from[c];
        in[i][c] = static_cast<std::int16_t>(from[c] < kDeep ? from[c] : kDeep);
      }
    }
    if (any == 0) return true;
    constexpr std::int64_t kBlock = 32;
    for (std::int64_t begin = 0; begin < length; begin += kBlock) {
      const std::int64_t end = std::min(begin + kBlock, length);
      std::copy(in[begin], in[end], out[begin]);
      for (int step = 1;; ++step) {
        const auto squared = static_cast<std::int16_t>(step * step);
        std::int16_t deepest[kTogether] = {};
        for (std::int64_t i = begin; i < end; ++i) {
          for (int c = 0; c < kTogether; ++c) deepest[c] = std::max(deepest[c], out[i][c]);
        }
        if (*std::max_element(deepest, deepest + kTogether) <= squared) break;
        if (step > kMostSteps) return false;
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int16_t *before = in[i - step], *after = in[i + step];
          for (int c = 0; c < kTogether; ++c) {
            const std::int16_t nearer = std::min(before[c], after[c]);
            const auto seen = static_cast<std::int16_t>(nearer + squared);
            out[i][c] = std::min(out[i][c], seen);
          }
        }
      }
    }
    for (std::int64_t i = 0; i < length; ++i) std::copy_n(out[i], kTogether, first + i * stride);
    return true;
  }

  // Ends with a 0, as the border is outside.
  void along_column(std::int32_t* column, std::int64_t length) {
    for (std::int64_t i = 1; i + 1 < length; ++i) {
      if (column[i] == 0) continue;
      const std::int64_t begin = i;
      while (column[i] != 0) ++i;
      envelope(column + begin - 1, i - begin + 2);
    }
  }

  // A run with the zeros at its two ends.
  void envelope(std::int32_t* run, std::int64_t size) {
    if (size == 3) {
      run[1] = 1;
      return;
    }
    values_.assign(run, run + size);
    sites_.clear();
    const auto at = [&](std::int64_t site, std::int64_t x) {
      return (x - site) * (x - site) + values_[static_cast<std::size_t>(site)];
    };
    // From where on the parabola of b lies below that of a, a < b.
    const auto meet = [&](std::int64_t a, std::int64_t b) {
      const std::int64_t rise = b * b - a * a + values_[static_cast<std::size_t>(b)] -
                                values_[static_cast<std::size_t>(a)];
      const std::int64_t run_length = 2 * (b - a);
      return (rise >= 0 ? rise / run_length : -((-rise + run_length - 1) / run_length)) + 1;
    };
    for (std::int64_t site = 0; site < size; ++site) {
      std::int64_t from = 0;
      while (!sites_.empty()) {
        from = meet(sites_.back().site, site);
        if (from > sites_.back().from) break;
        sites_.pop_back();
        from = 0;
      }
      if (from < size) sites_.push_back({site, from});
    }
    std::size_t k = 0;
    for (std::int64_t x = 1; x + 1 < size; ++x) {
      while (k + 1 < sites_.size() && sites_[k + 1].from <= x) ++k;
      run[x] = static_cast<std::int32_t>(at(sites_[k].site, x));
    }
  }

  struct Site {
    std::int64_t site, from;  // the lowest parabola from there on
  };
  std::vector<std::int32_t> tile_, values_;
  std::vector<std::int16_t> rows_;
  std::vector<Site> sites_;
};

}  // namespace topoeval::digital
