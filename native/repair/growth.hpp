// Homotopic growth: what a region cannot take without changing its topology is where the mask has
// a handle, a cavity or a second component too many.
//
// The order of growth visits memory at random, so all that a step asks of a voxel's neighbours
// lies in two bytes each, in huge pages, and is requested before its turn comes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/prefetch.hpp"
#include "../volume/bits.hpp"
#include "components.hpp"
#include "edits.hpp"

namespace topoeval::repair {

template <int D> class Growth {
 public:
  Growth(Grid<D>& grid, Components<D>& components) : grid_(grid), components_(components) {}

  // Pieces of foreground whose removal leaves each component a ball: cuts of handles, walls of cavities.
  // single: their voxels one by one.
  void inward(bool single, std::vector<Candidate>& out, Interrupt& interrupt) {
    best_.assign(components_.nodes(), kNowhere);
    begin();
    grid_.for_each([&](Index at) {
      if (!grid_.colour[at]) return;
      cells_[at] = kOpen | level_of(1 - grid_.values[at]);
      Index& best = best_[components_.labels[at]];
      if (best == kNowhere || grid_.values[at] > grid_.values[best]) best = at;
    });
    for (const Index seed : best_) {
      if (seed == kNowhere) continue;
      cells_[seed] = kImage;
      push_around(around(seed), seed);
    }
    grow(1, interrupt);
    pieces(0, single, out);
  }

  // Pieces of background whose filling leaves it without tunnels: covers, fillings and bridges.  What
  // is `low` and hangs together with the border is taken at once.
  void outward(float low, bool single, std::vector<Candidate>& out, Interrupt& interrupt) {
    begin();
    grid_.for_each([&](Index at) {
      if (grid_.colour[at]) {
        cells_[at] = kImage;
      } else {
        const float value = grid_.values[at];
        cells_[at] = kImage | kOpen | level_of(value) | (value < low ? kLow : Cell{0});
      }
    });
    flood();
    interrupt.poll();
    grid_.for_each([&](Index at) {
      if ((cells_[at] & kOpen) && around(at).image != kAll) push(at);
    });
    grow(0, interrupt);
    pieces(1, single, out);
  }

  std::size_t bytes() const { return cells_.bytes(); }
  void release() { cells_ = {}; }

 private:
  using Cell = std::uint16_t;
  static constexpr Cell kImage = 1;  // foreground of what grows or shrinks
  static constexpr Cell kOpen = 2;   // may be taken, and does not wait in a queue
  static constexpr Cell kLow = 4;    // background that is taken at once
  static constexpr int kLevelShift = 3, kLevels = 1024;  // of waiting; above the flags
  static constexpr int kRows = D == 3 ? 9 : 3;
  static constexpr std::uint32_t kAll = ((1u << 3 * kRows) - 1) & ~(1u << 3 * kRows / 2);
  static constexpr std::size_t kAhead = 6;  // of the queue, requested in advance

  // The neighbours of a voxel, as codes of neighbourhood.hpp.
  struct Around {
    std::uint32_t image = 0, open = 0;
  };

  void begin() {
    cells_.reserve(grid_.size);
    std::memset(cells_.data(), 0, grid_.size * sizeof(Cell));
    levels_.resize(kLevels);
    for (auto& level : levels_) level.clear();
    first_ = 0;
    int row = 0;
    for (std::int64_t dz = D == 3 ? -1 : 0; dz <= (D == 3 ? 1 : 0); ++dz) {
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        rows_[row++] = (dz * grid_.sides[1] + dy) * grid_.sides[2] - 1;
      }
    }
  }

  Around around(Index at) const {
    Around found;
    const Cell* cells = cells_.data() + at;
    for (int row = 0; row < kRows; ++row) {
      const Cell* three = cells + rows_[row];
      const auto cells_in_row = static_cast<std::uint64_t>(three[0]) |
                                static_cast<std::uint64_t>(three[1]) << 16 |
                                static_cast<std::uint64_t>(three[2]) << 32;
      // Bits 0, 16 and 32 side by side.
      constexpr std::uint64_t kLowest = UINT64_C(0x100010001);
      constexpr std::uint64_t kGather = UINT64_C(1) << 32 | 1 << 17 | 1 << 2;
      const auto gather = [](std::uint64_t bits) {
        return static_cast<std::uint32_t>((bits & kLowest) * kGather >> 32 & 7);
      };
      found.image |= gather(cells_in_row) << 3 * row;
      found.open |= gather(cells_in_row >> 1) << 3 * row;
    }
    found.image &= kAll;
    found.open &= kAll;
    return found;
  }

  // distance: from certain, in [0, 1]; beyond 0.5 a voxel waits last.
  static Cell level_of(float distance) {
    const int level = std::min(static_cast<int>(distance * 2 * kLevels), kLevels - 1);
    return static_cast<Cell>(level << kLevelShift);
  }

  void push(Index at) {
    const int level = cells_[at] >> kLevelShift;
    levels_[static_cast<std::size_t>(level)].push_back(at);
    cells_[at] &= static_cast<Cell>(~kOpen);
    first_ = std::min(first_, level);
  }

  // Queues the neighbours that may be taken, those through faces first.
  void push_around(const Around& near, Index at) {
    for (int distance = 1; distance <= D; ++distance) {
      for (std::uint32_t open = near.open & kCells<D>.at_distance[distance]; open != 0; open &= open - 1) {
        const int bit = volume::lowest_bit(open);
        push(static_cast<Index>(at + rows_[bit / 3] + bit % 3));
      }
    }
  }

  void grow(std::uint8_t colour, Interrupt& interrupt) {
    const Cell taken = colour ? kImage : 0;
    std::size_t steps = 0;
    while (first_ < kLevels) {
      auto& level = levels_[static_cast<std::size_t>(first_)];
      if (level.empty()) {
        ++first_;
        continue;
      }
      if (++steps % 65536 == 0) interrupt.poll();
      const Index at = level.back();
      level.pop_back();
      if (level.size() >= kAhead) {
        const Cell* ahead = cells_.data() + level[level.size() - kAhead];
        for (int row = 0; row < kRows; ++row) prefetch(ahead + rows_[row] + 1);
      }
      if ((cells_[at] & kImage) == taken) continue;  // a seed, which another one had queued
      const Around near = around(at);
      if (!digital::kNeighbourhood<D>.is_simple(near.image, grid_.corners)) {
        cells_[at] |= kOpen;
        continue;
      }
      cells_[at] = taken;
      push_around(near, at);
    }
  }

  // Clears what hangs together with the border through faces and is low background.
  void flood() {
    const auto take = [&](Index at) {
      if (!(cells_[at] & kLow)) return;
      cells_[at] = 0;
      stack_.push_back(at);
    };
    grid_.for_each_at_border([&](Index seed) {
      take(seed);
      while (!stack_.empty()) {
        const Index from = stack_.back();
        stack_.pop_back();
        for (int i = 0; i < Grid<D>::kFaces; ++i) take(grid_.step(from, i));
      }
    });
  }

  // Candidates of what is still open, piece by piece or `single` voxels.
  void pieces(std::uint8_t to, bool single, std::vector<Candidate>& out) {
    grid_.for_each([&](Index seed) {
      if (!(cells_[seed] & kOpen)) return;
      Candidate piece;
      piece.kind = to ? Kind::cover : Kind::cut;
      piece.to = to;
      cells_[seed] = 0;
      piece.voxels.push_back(seed);
      Index label = kNowhere;
      bool joins = false;
      for (std::size_t done = 0; done < piece.voxels.size(); ++done) {
        const Index at = piece.voxels[done];
        piece.order += grid_.prices[at];
        for (int i = 0; i < Grid<D>::kNear; ++i) {
          const Index near = grid_.step(at, i);
          if (cells_[near] & kOpen) {
            if (single) continue;
            cells_[near] = 0;
            piece.voxels.push_back(near);
          } else if (to && grid_.colour[near]) {
            if (label == kNowhere) label = components_.labels[near];
            joins = joins || label != components_.labels[near];
          }
        }
      }
      if (joins) piece.kind = Kind::join;
      out.push_back(std::move(piece));
    });
  }

  Grid<D>& grid_;
  Components<D>& components_;
  Buffer<Cell> cells_;
  std::int64_t rows_[kRows] = {};  // to the first voxel of each row of neighbours
  std::vector<std::vector<Index>> levels_;
  std::vector<Index> best_, stack_;
  int first_ = 0;
};

}  // namespace topoeval::repair
