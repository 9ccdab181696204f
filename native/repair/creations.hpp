// Candidates that add what a mask lacks, at the places that the map's own bars name.
//
// A bar of the map is a feature that exists at some thresholds: the longest bar is the best evidence
// there is.  Its birth voxel (of a component) or death voxel (of a hole or cavity) is where the
// feature is to be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "../batch.hpp"
#include "components.hpp"
#include "edits.hpp"
#include "paths.hpp"

namespace topoeval::repair {

struct Seed {
  Index voxel;
  float bar;
};

template <int D> class Creations {
 public:
  Creations(Grid<D>& grid, Components<D>& components, Paths<D>& paths)
      : grid_(grid), components_(components), paths_(paths) {}

  void reset() { known_ = false; }

  // Places of features of dimension `dim`, longest bar first; with `anywhere`, voxels spread over the
  // item follow, which no bar names.
  std::vector<Seed> seeds(int dim, float evidence, bool anywhere, Interrupt& interrupt) {
    if (!known_) compute(interrupt);
    std::vector<Seed> out;
    for (const Seed& seed : bars_[dim]) {
      if (seed.bar >= evidence && out.size() < kMostSeeds) out.push_back(seed);
    }
    if (anywhere && evidence <= 0) spread(dim == 0, out);
    return out;
  }

  // The voxel alone, with all of its neighbours in the other phase: wherever there is room for that.
  void enclose(std::uint8_t phase, const Seed& seed, std::vector<Candidate>& out) const {
    Candidate found;
    found.kind = phase ? Kind::split : Kind::close;
    found.to = !phase;
    found.bar = seed.bar;
    if (grid_.colour[seed.voxel] != phase) {
      if (grid_.state[seed.voxel] & Grid<D>::kLocked) return;
      found.centre = seed.voxel;
      found.order = grid_.prices[seed.voxel];
    }
    for (int i = 0; i < grid_.adjacent(phase); ++i) {
      const Index near = grid_.step(seed.voxel, i);
      if (grid_.colour[near] != phase) continue;
      found.voxels.push_back(near);
      found.order += grid_.prices[near];
    }
    if (!found.voxels.empty()) out.push_back(std::move(found));
  }

  // Candidates that make a component out of voxel y, or (phase 0) a hole or cavity.
  void isolate(std::uint8_t phase, const Seed& seed, std::vector<Candidate>& out,
               Interrupt& interrupt) {
    const Index y = seed.voxel;
    const bool inside = grid_.colour[y] == phase;
    Candidate found;
    found.bar = seed.bar;
    if (!inside) {
      if (grid_.state[y] & Grid<D>::kLocked) return;
      bool alone = true;
      for (int i = 0; i < grid_.adjacent(phase); ++i) {
        alone = alone && grid_.colour[grid_.step(y, i)] != phase;
      }
      if (alone) {
        found.kind = phase ? Kind::create : Kind::pierce;
        found.to = phase;
        found.order = grid_.prices[y];
        found.voxels = {y};
        out.push_back(std::move(found));
        return;
      }
    }
    found.kind = phase ? Kind::split : Kind::close;
    const Index other = inside ? opposite(phase, y) : kNowhere;
    if (other == y) return;
    if constexpr (D == 2) {
      if (!paths_.ring(!phase, y, other, found, interrupt)) return;
    } else {
      if (!inside || !wall(phase, y, other, found, interrupt)) return;
    }
    if (!inside) {
      found.centre = y;
      found.order += grid_.prices[y];
    }
    if (inside && found.voxels.empty()) return;
    out.push_back(std::move(found));
  }

 private:
  static constexpr std::size_t kMostSeeds = 64, kSpread = 256;

  void compute(Interrupt& interrupt) {
    Batch batch;
    batch.rank = D;
    batch.count = 1;
    batch.first = grid_.view(grid_.values, Dtype::f32);
    Request request;
    request.construction = grid_.corners ? Construction::top_cells : Construction::vertices;
    request.superlevel = true;
    const Diagram diagram = persistence(batch, request, 0, 1, interrupt).front();
    for (int dim = 0; dim < D; ++dim) {
      auto& bars = bars_[dim];
      bars.clear();
      for (const Pair& pair : diagram.pairs[dim]) {
        const Index birth = grid_.voxel_at(pair.birth);
        if (pair.death == kNever) {
          bars.push_back({birth, grid_.values[birth]});
          continue;
        }
        const Index death = grid_.voxel_at(pair.death);
        const float bar = std::fabs(grid_.values[birth] - grid_.values[death]);
        // A loop of a volume that is there but filled is opened at its death, else closed at its birth.
        const bool at_birth = dim == 0 || (dim < D - 1 && !grid_.colour[birth]);
        bars.push_back({at_birth ? birth : death, bar});
      }
      std::stable_sort(bars.begin(), bars.end(),
                       [](const Seed& a, const Seed& b) { return a.bar > b.bar; });
    }
    known_ = true;
  }

  // From the likeliest voxel to the least likely one, every so many.
  void spread(bool foreground, std::vector<Seed>& out) const {
    std::vector<Index> all;
    grid_.for_each([&](Index at) { all.push_back(at); });
    std::stable_sort(all.begin(), all.end(), [&](Index a, Index b) {
      return foreground ? grid_.values[a] > grid_.values[b] : grid_.values[a] < grid_.values[b];
    });
    const std::size_t step = std::max<std::size_t>(1, all.size() / kSpread);
    for (std::size_t i = 0; i < all.size(); i += step) out.push_back({all[i], 0});
  }

  // The strongest voxel of the component of y, which y is to be separated from; kNowhere for the outside.
  Index opposite(std::uint8_t phase, Index y) const {
    const Index node = components_.root(components_.labels[y]);
    if (node == components_.root(Components<D>::kOuter)) return kNowhere;
    Index best = y;
    grid_.for_each([&](Index at) {
      if (grid_.colour[at] != phase || components_.root(components_.labels[at]) != node) return;
      const float gain = grid_.values[at] - grid_.values[best];
      if (phase ? gain > 0 : gain < 0) best = at;
    });
    return best;
  }

  // 3D: floods the component of y from y and from `other`, strong voxels first; where the floods would
  // meet there is the wall between them.
  bool wall(std::uint8_t phase, Index y, Index other, Candidate& out, Interrupt& interrupt) {
    using Entry = std::pair<float, Index>;
    std::priority_queue<Entry> queue;
    side_.assign(grid_.size, 0);
    const auto strength = [&](Index at) { return phase ? grid_.values[at] : -grid_.values[at]; };
    const auto push_around = [&](Index at) {
      for (int i = 0; i < grid_.adjacent(phase); ++i) {
        const Index near = grid_.step(at, i);
        if (grid_.colour[near] != phase || side_[near] != 0) continue;
        if (grid_.state[near] & Grid<D>::kMargin) continue;
        side_[near] = kWaiting;
        queue.push({strength(near), near});
      }
    };
    side_[y] = kOwn;
    push_around(y);
    if (other == kNowhere) {
      grid_.for_each([&](Index at) {
        if (grid_.colour[at] != phase || side_[at] == kOwn) return;
        for (int i = 0; i < grid_.adjacent(phase); ++i) {
          if (!(grid_.state[grid_.step(at, i)] & Grid<D>::kMargin)) continue;
          if (side_[at] == 0) queue.push({strength(at), at});
          side_[at] = kWaiting;
          return;
        }
      });
    } else {
      side_[other] = kTheirs;
      push_around(other);
    }
    std::size_t steps = 0;
    out.voxels.clear();
    out.order = 0;
    while (!queue.empty()) {
      if (++steps % 65536 == 0) interrupt.poll();
      const Index at = queue.top().second;
      queue.pop();
      bool own = false, theirs = false;
      for (int i = 0; i < grid_.adjacent(phase); ++i) {
        const Index near = grid_.step(at, i);
        own = own || side_[near] == kOwn;
        const bool outside = other == kNowhere && (grid_.state[near] & Grid<D>::kMargin);
        theirs = theirs || side_[near] == kTheirs || outside;
      }
      if (own && theirs) {
        if (grid_.state[at] & Grid<D>::kLocked) return false;
        side_[at] = kWall;
        out.voxels.push_back(at);
        out.order += grid_.prices[at];
        continue;
      }
      side_[at] = own ? kOwn : kTheirs;
      push_around(at);
    }
    out.to = !phase;
    return !out.voxels.empty();
  }

  static constexpr std::uint8_t kOwn = 1, kTheirs = 2, kWall = 3, kWaiting = 4;
  Grid<D>& grid_;
  Components<D>& components_;
  Paths<D>& paths_;
  bool known_ = false;
  std::vector<Seed> bars_[3];
  std::vector<std::uint8_t> side_;
};

}  // namespace topoeval::repair
