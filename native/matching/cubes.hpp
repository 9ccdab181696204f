// Which squares of a volume give birth to nothing: the columns that H1 has to reduce.
//
// A square either closes a void (H2), and then its column is zero, or it fills a loop.  By
// duality the former are the edges of a spanning forest: squares in descending order join the
// cubes on their two sides.  Knowing them beforehand is what is called clearing.
#pragma once

#include <cstdint>
#include <vector>

#include "order.hpp"

namespace topoeval::matching {

class NegativeSquares {
 public:
  void build(const Ranks& ranks, const Grid<3>& grid, Interrupt& interrupt) {
    make_cubes(grid);
    Place base[Grid<3>::kTops];  // a cube is known by its first corner
    for (int t = 0; t < Grid<3>::kTops; ++t) {
      base[t] = 0;
      for (const Place corner : grid.top[t].corner) base[t] = std::min(base[t], corner);
    }
    mask_.assign(grid.voxels() + 2, 0);
    for (auto rank = static_cast<std::uint32_t>(grid.voxels()); rank > 0; --rank) {
      if (rank % 65536 == 0) interrupt.poll();
      const Place v = ranks.place(rank);
      std::uint32_t mask = 0;
      for (int s = Grid<3>::kFacets - 1; s >= 0; --s) {
        const auto& square = grid.facet[s];
        bool enters_here = true;
        for (const Place corner : square.corner) enters_here &= ranks.rank(v + corner) < rank;
        if (!enters_here) continue;
        mask |= join(v + base[square.side[0]], v + base[square.side[1]]) ? 0u : 1u << s;
      }
      mask_[rank] = static_cast<std::uint16_t>(mask);
    }
  }

  // The negative squares that enter with the voxel of a rank.
  std::uint32_t of(std::uint32_t rank) const { return mask_[rank]; }

 private:
  // Cubes with a corner outside come after all voxels and are one; where the outside comes
  // first (T) they are like others.
  void make_cubes(const Grid<3>& grid) {
    parent_.reserve(grid.places());
    Place* parent = parent_.data();
    for (std::size_t i = 0; i < grid.places(); ++i) {
      parent[i] = grid.reversed() ? static_cast<Place>(i) : 0;
    }
    if (grid.reversed()) return;
    for (std::int64_t z = 0; z + 1 < grid.depth(); ++z) {
      for (std::int64_t y = 0; y + 1 < grid.height(); ++y) {
        const Place first = grid.row_begin(z, y);
        for (Place v = first; v + 1 < first + static_cast<Place>(grid.width()); ++v) parent[v] = v;
      }
    }
  }

  Place find(Place cube) {
    Place* parent = parent_.data();
    while (parent[cube] != cube) cube = parent[cube] = parent[parent[cube]];
    return cube;
  }

  bool join(Place a, Place b) {
    a = find(a);
    b = find(b);
    if (a < b) {
      parent_[static_cast<std::size_t>(b)] = a;
    } else {
      parent_[static_cast<std::size_t>(a)] = b;
    }
    return a != b;
  }

  Buffer<Place> parent_;
  std::vector<std::uint16_t> mask_;
};

}  // namespace topoeval::matching
