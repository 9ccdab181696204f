// A discrete gradient on every possible lower star, worked out once.
//
// The lower star of a voxel v is the set of cells whose largest corner is v.  Seen from v it
// is a subcomplex of the surface of an octahedron, the link: the edges of the star are the
// octahedron's vertices, the squares its edges, the cubes its triangles.  There are only
// 15,935 such subcomplexes, so the gradient inside a star is a table look-up.
//
// Gradient.  A spanning forest of the link's graph pairs v with the edge to the first root,
// and every edge that is no root with the square that joins it to its parent.  Other roots
// stay critical: each joins two components of the sublevel set or closes a loop.  Cubes are paired
// with the squares of a spanning forest of the dual graph, in which absent cubes are one node, the
// root; what neither forest has are the critical squares, one per hole of the link.  When the link is
// the whole octahedron, one cube is the root and critical: a maximum.  On a sphere this is always
// optimal (Robins, Wood, Sheppard 2011 give the general construction).
//
// Which cells stay critical is not arbitrary: reducing the boundary matrix leaves unpaired, of
// the cells of one star, the edges and squares that the minimum spanning forest (squares
// ascending) and the maximum spanning forest of the dual graph (squares descending) leave.  So the pairs
// of this engine are those of the whole matrix cell by cell, which Betti matching relies on.
//
// The forest depends on the squares alone, so it has a table of its own that is small
// enough for the first-level cache; only the critical squares need the full type.
#pragma once

#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "star.hpp"

namespace topoeval::volume {

// The spanning forest of the link graph with a given set of squares.  Edges without any square
// are trees of their own.
struct Forest {
  std::uint32_t path[kEdges];  // bits 0-11: squares from an edge up to its root; from bit 12: the
                               // root, as a mask of edges
  std::uint32_t inner;         // the edges that are not roots: mask
  std::uint32_t unused;

  // What edges flow to: the sum of their paths, same layout.  Without a loop over the edges that
  // are there, as their number is as good as random.
  std::uint32_t sum_of_paths(std::uint32_t edges) const {
    std::uint32_t sum = 0;
    for (int e = 0; e < kEdges; ++e) sum ^= path[e] & (0u - (edges >> e & 1));
    return sum;
  }
};
static_assert(sizeof(Forest) == 32, "two forests to a cache line");

// The same forest read from the leaves, for cohomology: which edges hang below a tree square.
struct Cuts {
  std::uint8_t below[kSquares];  // edges of the subtree whose top hangs on this square; 0: no
                                 // square of the forest
  std::uint16_t tree;            // the squares of the forest
};

// Where a gradient path leaves the lower star on either side of a critical square.
struct Exits {
  std::uint8_t cube[2];
};

class LowerStarTable {
 public:
  static constexpr int kTypes = 15935;

  // The one instance, built at first use (a few milliseconds).
  static const LowerStarTable& get();

  // The squares of the lower star: all three other corners are lower.
  std::uint32_t squares(std::uint32_t lower) const {
    return lower >> kSquareShift & spanned_[lower & kEdgeBits];
  }
  const Forest& forest(std::uint32_t squares) const { return forests_[squares]; }
  const Cuts& cuts(std::uint32_t squares) const { return cuts_[squares]; }

  // Critical edges: roots other than the first, which is paired with the voxel.
  std::uint32_t critical_edges(std::uint32_t lower) const {
    const std::uint32_t edges = lower & kEdgeBits;
    const std::uint32_t roots = edges & ~forests_[squares(lower)].inner;
    return roots & (roots - 1);
  }

  std::uint32_t critical_squares(std::uint32_t lower) const {
    return critical_squares_[type(lower)];
  }

  // One after the other for each critical square.
  const Exits* exits(std::uint32_t lower) const { return &exits_[first_exit_[type(lower)]]; }

  // A number for the lower star, consecutive and without gaps: the squares give a base, and
  // only edges that no square covers and cubes whose three squares exist are still free.
  int type(std::uint32_t lower) const {
    const std::uint32_t squares = this->squares(lower);
    const Base& base = bases_[squares];
    const std::uint32_t cubes = lower >> kCubeShift & base.free_cubes;
    return base.first + (packed_[base.free_edges][lower & base.free_edges] << base.cube_count) +
           packed_[base.free_cubes & 15][cubes & 15] +
           (packed_[base.free_cubes >> 4][cubes >> 4] << base.low_cube_count);
  }

 private:
  struct Base {
    std::uint16_t first;
    std::uint8_t free_edges, free_cubes, cube_count, low_cube_count;
  };

  LowerStarTable();
  void build_forest(std::uint32_t squares);
  void build_stars(std::uint32_t squares);
  void collapse(std::uint32_t squares, std::uint32_t cubes);

  std::uint16_t spanned_[1 << kEdges];                     // squares between edges of a set
  std::uint8_t packed_[1 << kEdges][1 << kEdges];          // the bits under a mask, moved together
  Base bases_[1 << kSquares];
  alignas(64) Forest forests_[1 << kSquares];
  Cuts cuts_[1 << kSquares];
  std::vector<std::uint16_t> critical_squares_;  // by type, as masks
  std::vector<std::uint32_t> first_exit_;        // by type, into exits_
  std::vector<Exits> exits_;
};

}  // namespace topoeval::volume
