// The components of both phases, kept up to date while voxels flip, and what a flip changes.
//
// A voxel that flips becomes a node of its own that is united with its neighbours: the number of
// components of the growing phase stays exact, and so does the Euler characteristic.  In 2D these two
// give both Betti numbers.  In 3D the shrinking phase counts as whole until its last voxel has gone,
// so a flip that splits it is misjudged; a recount finds that.
#pragma once

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "../common/buffer.hpp"
#include "edits.hpp"
#include "grid.hpp"
#include "labelling.hpp"

namespace topoeval::repair {

template <int D> class Components {
 public:
  explicit Components(Grid<D>& grid) : grid_(grid) {}

  static constexpr Index kOuter = 0;  // the background that holds the margin

  void label(Interrupt& interrupt) {
    labelling_.run(labels.reserve(grid_.size), sizes_, phases_, interrupt);
    labelled_ = static_cast<Index>(sizes_.size());
    parents_.resize(labelled_);
    std::iota(parents_.begin(), parents_.end(), Index{0});
    log_.clear();
    united_.clear();
  }

  // Components found by the last labelling are numbered below this.
  Index labelled() const { return labelled_; }
  std::size_t nodes() const { return parents_.size(); }
  std::uint8_t phase(Index node) const { return phases_[node]; }
  Index voxels(Index node) const { return sizes_[node]; }
  std::size_t bytes() const {
    return labels.bytes() + labelling_.bytes() + parents_.capacity() * (2 * sizeof(Index) + 1) +
           log_.capacity() * sizeof(Flip);
  }

  Index root(Index node) const {
    while (parents_[node] != node) node = parents_[node];
    return node;
  }

  // Flips voxels of the other phase; returns the change of the Betti numbers.
  Counts flip(const std::vector<Index>& voxels, std::uint8_t to) {
    std::int64_t grown = 0, eaten = 0, euler = 0;
    for (const Index at : voxels) {
      euler += grid_.euler_step(grid_.code(grid_.colour.data(), at));
      const Index from = root(labels[at]);
      const auto node = static_cast<Index>(parents_.size());
      Flip step{at, labels[at], from, 0};
      if (--sizes_[from] == 0) ++eaten;
      grid_.colour[at] = to;
      labels[at] = node;
      parents_.push_back(node);
      sizes_.push_back(1);
      ++grown;
      for (int i = 0; i < grid_.adjacent(to); ++i) {
        const Index near = grid_.step(at, i);
        if (grid_.colour[near] != to) continue;
        Index a = root(labels[near]), b = root(node);
        if (a == b) continue;
        // Smaller under larger, without compression, so that it can be undone.
        if (sizes_[a] < sizes_[b]) std::swap(a, b);
        parents_[b] = a;
        sizes_[a] += sizes_[b];
        united_.push_back(b);
        ++step.unions;
        --grown;
      }
      log_.push_back(step);
    }
    if (!to) euler = -euler;
    Counts change{};
    if (D == 2) {
      change[0] = to ? grown : euler + grown;
      change[1] = to ? grown - euler : grown;
    } else {
      change[0] = to ? grown : -eaten;
      change[2] = to ? -eaten : grown;
      change[1] = change[0] + change[2] - euler;
    }
    return change;
  }

  std::size_t mark() const { return log_.size(); }

  // Takes back all flips since the mark.
  void undo(std::size_t mark) {
    while (log_.size() > mark) {
      const Flip step = log_.back();
      log_.pop_back();
      for (int i = 0; i < step.unions; ++i) {
        const Index child = united_.back();
        united_.pop_back();
        sizes_[parents_[child]] -= sizes_[child];
        parents_[child] = child;
      }
      parents_.pop_back();
      sizes_.pop_back();
      labels[step.voxel] = step.label;
      ++sizes_[step.from];
      grid_.colour[step.voxel] ^= 1;
    }
  }

  Buffer<Index> labels;

 private:
  struct Flip {
    Index voxel, label, from;
    int unions;
  };

  Grid<D>& grid_;
  Labelling<D> labelling_{grid_};
  std::vector<Index> parents_, sizes_, united_;
  std::vector<std::uint8_t> phases_;
  std::vector<Flip> log_;
  Index labelled_ = 0;
};

}  // namespace topoeval::repair
