// Homotopic growth: what a region cannot take without changing its topology is where the mask has
// a handle, a cavity or a second component too many.
#pragma once

#include <algorithm>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

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
    grid_.for_each([&](Index at) {
      if (!grid_.colour[at]) return;
      Index& best = best_[components_.labels[at]];
      if (best == kNowhere || grid_.values[at] > grid_.values[best]) best = at;
    });
    image_.assign(grid_.size, 0);
    start();
    for (const Index seed : best_) {
      if (seed == kNowhere) continue;
      image_[seed] = 1;
      around(seed, 1);
    }
    grow(1, interrupt);
    // What is foreground and was not reached.
    grid_.for_each([&](Index at) { image_[at] = grid_.colour[at] && !image_[at]; });
    pieces(0, single, out);
  }

  // Pieces of background whose filling leaves it without tunnels: covers, fillings and bridges.  What
  // is `low` and hangs together with the border is taken at once.
  void outward(float low, bool single, std::vector<Candidate>& out, Interrupt& interrupt) {
    image_.assign(grid_.size, 0);
    grid_.for_each([&](Index at) { image_[at] = 1; });
    flood(low);
    interrupt.poll();
    start();
    grid_.for_each([&](Index at) {
      if (grid_.colour[at] || !image_[at]) return;
      for (int i = 0; i < Grid<D>::kNear; ++i) {
        if (!image_[grid_.step(at, i)]) {
          push(at, 0);
          return;
        }
      }
    });
    grow(0, interrupt);
    grid_.for_each([&](Index at) { image_[at] = !grid_.colour[at] && image_[at]; });
    pieces(1, single, out);
  }

  std::size_t bytes() const { return image_.capacity(); }

 private:
  static constexpr int kLevels = 1024;

  void start() {
    levels_.resize(kLevels);
    for (auto& level : levels_) level.clear();
    first_ = 0;
    for (auto& state : grid_.state) state &= static_cast<std::uint8_t>(~Grid<D>::kQueued);
  }

  // High values first where foreground grows, low ones where background does.
  void push(Index at, std::uint8_t colour) {
    const float key = colour ? grid_.values[at] : 1 - grid_.values[at];
    const int level = std::clamp(static_cast<int>((1 - key) * 2 * kLevels), 0, kLevels - 1);
    levels_[static_cast<std::size_t>(level)].push_back(at);
    grid_.state[at] |= Grid<D>::kQueued;
    first_ = std::min(first_, level);
  }

  // Queues the neighbours that may take `colour`.
  void around(Index at, std::uint8_t colour) {
    for (int i = 0; i < Grid<D>::kNear; ++i) {
      const Index near = grid_.step(at, i);
      if (grid_.state[near] & (Grid<D>::kQueued | Grid<D>::kMargin)) continue;
      if (grid_.colour[near] == colour && image_[near] != colour) push(near, colour);
    }
  }

  void grow(std::uint8_t colour, Interrupt& interrupt) {
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
      grid_.state[at] &= static_cast<std::uint8_t>(~Grid<D>::kQueued);
      if (image_[at] == colour || !grid_.simple(image_.data(), at)) continue;
      image_[at] = colour;
      around(at, colour);
    }
  }

  // Clears what hangs together with the border through faces and is low background.
  void flood(float low) {
    const auto take = [&](Index at) {
      if (!image_[at] || grid_.colour[at] || !(grid_.values[at] < low)) return;
      image_[at] = 0;
      stack_.push_back(at);
    };
    grid_.for_each([&](Index at) {
      for (int i = 0; i < Grid<D>::kFaces; ++i) {
        if (grid_.state[grid_.step(at, i)] & Grid<D>::kMargin) {
          take(at);
          break;
        }
      }
      while (!stack_.empty()) {
        const Index from = stack_.back();
        stack_.pop_back();
        for (int i = 0; i < Grid<D>::kFaces; ++i) take(grid_.step(from, i));
      }
    });
  }

  // Candidates of what is left in image_, piece by piece or `single` voxels; image_ is cleared.
  void pieces(std::uint8_t to, bool single, std::vector<Candidate>& out) {
    grid_.for_each([&](Index seed) {
      if (!image_[seed]) return;
      Candidate piece;
      piece.kind = to ? Kind::cover : Kind::cut;
      piece.to = to;
      image_[seed] = 0;
      piece.voxels.push_back(seed);
      Index label = kNowhere;
      bool joins = false;
      for (std::size_t done = 0; done < piece.voxels.size(); ++done) {
        const Index at = piece.voxels[done];
        piece.order += grid_.prices[at];
        for (int i = 0; i < Grid<D>::kNear; ++i) {
          const Index near = grid_.step(at, i);
          if (image_[near]) {
            if (single) continue;
            image_[near] = 0;
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
  std::vector<std::uint8_t> image_;
  std::vector<std::vector<Index>> levels_;
  std::vector<Index> best_, stack_;
  int first_ = 0;
};

}  // namespace topoeval::repair
