// Edges and squares of a volume by number, and which squares H1 has to reduce.
//
// A square either closes a void (H2), and then its column is zero, or it fills a loop.  By
// duality the former are the edges of a spanning forest: squares in descending order join the
// cubes on their two sides.  Knowing them beforehand is what is called clearing.
#pragma once

#include <cstdint>
#include <vector>

#include "../volume/bits.hpp"
#include "order.hpp"

namespace topoeval::matching {

// First corner and type (the axis of an edge, the normal of a square).  Among the cells that enter
// with one voxel, ids ascend like the numbers in its star.
using CellId = std::uint32_t;
inline CellId cell_id(Place first_corner, int type) {
  return static_cast<CellId>(first_corner) << 2 | static_cast<CellId>(type);
}
inline Place place_of(CellId id) { return static_cast<Place>(id >> 2); }

struct Lattice {
  Lattice() = default;
  explicit Lattice(const Grid<3>& grid) : step{grid.plane(), grid.row(), 1} {}

  Place step[3] = {};  // along z, y, x

  std::uint32_t last_of_edge(CellId edge, const Ranks& ranks) const {
    const Place u = place_of(edge);
    return std::max(ranks.rank(u), ranks.rank(u + step[edge & 3]));
  }
  std::uint32_t last_of_square(CellId square, const Ranks& ranks) const {
    const Place u = place_of(square), v = u + step[(square & 3) == 0 ? 1 : 0];
    const Place along = step[(square & 3) == 2 ? 1 : 2];
    return std::max({ranks.rank(u), ranks.rank(v), ranks.rank(u + along), ranks.rank(v + along)});
  }
};

class NegativeSquares {
 public:
  void build(const Ranks& ranks, const Grid<3>& grid, Interrupt& interrupt) {
    make_cubes(grid);
    constexpr int kSquares = Grid<3>::kFacets;
    Place side[kSquares][2], first[kSquares];  // cubes and squares by their first corners
    std::uint8_t normal[kSquares];
    for (int s = 0; s < kSquares; ++s) {
      const auto& square = grid.facet[s];
      const auto first_corner = [](const auto& corners) {
        Place first = 0;
        for (const Place corner : corners) first = std::min(first, corner);
        return first;
      };
      first[s] = first_corner(square.corner);
      for (int i = 0; i < 2; ++i) side[s][i] = first_corner(grid.top[square.side[i]].corner);
      const int a = grid.square_edges[s][0] % 3, b = grid.square_edges[s][1] % 3;
      normal[s] = static_cast<std::uint8_t>(3 - a - b);
    }
    normals_.assign(grid.places(), 0);
    const std::int32_t* rank_at = ranks.data();
    for (auto rank = static_cast<std::uint32_t>(grid.voxels()); rank > 0; --rank) {
      if (rank % 65536 == 0) interrupt.poll();
      const Place v = ranks.place(rank);
      std::uint32_t lower = 0;
      for (int s = 0; s < kSquares; ++s) {
        const auto& corner = grid.facet[s].corner;
        const std::int32_t last =
            std::max({rank_at[v + corner[0]], rank_at[v + corner[1]], rank_at[v + corner[2]]});
        lower |= std::uint32_t{last < static_cast<std::int32_t>(rank)} << s;
      }
      while (lower != 0) {
        const int s = volume::highest_bit(lower);
        lower ^= 1u << s;
        const bool positive = join(v + side[s][0], v + side[s][1]);
        std::uint8_t& mask = normals_[static_cast<std::size_t>(v + first[s])];
        mask = static_cast<std::uint8_t>(mask | (positive ? 0 : 1 << normal[s]));
      }
    }
  }

  // Of the squares with this first corner, the normals of those that are negative: a mask.
  std::uint32_t at(Place first_corner) const { return normals_[static_cast<std::size_t>(first_corner)]; }

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
    parent_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
    return a != b;
  }

  Buffer<Place> parent_;
  std::vector<std::uint8_t> normals_;
};

}  // namespace topoeval::matching
