#include "lower_star.hpp"

#include <memory>

namespace topoeval::volume {

const LowerStarTable& LowerStarTable::get() {
  static const std::unique_ptr<const LowerStarTable> table(new LowerStarTable);
  return *table;
}

LowerStarTable::LowerStarTable() {
  for (std::uint32_t edges = 0; edges <= kEdgeBits; ++edges) {
    spanned_[edges] = 0;
    for (int s = 0; s < kSquares; ++s) {
      const auto [a, b] = kStar.square_edges[s];
      if ((edges >> a & 1) && (edges >> b & 1)) {
        spanned_[edges] = static_cast<std::uint16_t>(spanned_[edges] | 1 << s);
      }
    }
    for (std::uint32_t bits = 0; bits <= kEdgeBits; ++bits) {
      std::uint8_t together = 0;
      int place = 0;
      for_each_bit(edges, [&](int e) {
        together = static_cast<std::uint8_t>(together | (bits >> e & 1) << place++);
      });
      packed_[edges][bits] = together;
    }
  }
  critical_squares_.reserve(kTypes);
  first_exit_.reserve(kTypes);
  for (std::uint32_t squares = 0; squares <= kSquareBits; ++squares) {
    build_forest(squares);
    build_stars(squares);
  }
}

// Breadth first from the lowest edge of each component.
void LowerStarTable::build_forest(std::uint32_t squares) {
  Forest& forest = forests_[squares];
  Cuts& cuts = cuts_[squares];
  forest = {};
  cuts = {};
  int up[kEdges];  // the square to the parent, -1 at a root
  std::uint32_t seen = 0;
  for (int root = 0; root < kEdges; ++root) {
    if (seen >> root & 1) continue;
    seen |= 1u << root;
    up[root] = -1;
    forest.path[root] = 1u << (kSquares + root);
    int queue[kEdges] = {root}, size = 1;
    for (int i = 0; i < size; ++i) {
      const int parent = queue[i];
      for_each_bit(squares & kStar.squares_around[parent], [&](int s) {
        const auto [a, b] = kStar.square_edges[s];
        const int child = a == parent ? b : a;
        if (seen >> child & 1) return;
        seen |= 1u << child;
        up[child] = s;
        queue[size++] = child;
        forest.path[child] = forest.path[parent] ^ 1u << s;
        forest.inner |= 1u << child;
      });
    }
  }
  for (int e = 0; e < kEdges; ++e) {
    if (up[e] >= 0) cuts.tree = static_cast<std::uint16_t>(cuts.tree | 1 << up[e]);
    for_each_bit(forest.path[e] & kSquareBits, [&](int s) {
      cuts.below[s] = static_cast<std::uint8_t>(cuts.below[s] | 1 << e);
    });
  }
}

// All lower stars with this set of squares, in the order of their type.
void LowerStarTable::build_stars(std::uint32_t squares) {
  std::uint32_t covered = 0, free_cubes = 0;
  for_each_bit(squares, [&](int s) {
    covered |= 1u << kStar.square_edges[s][0] | 1u << kStar.square_edges[s][1];
  });
  for (int c = 0; c < kCubes; ++c) {
    if ((kStar.cube_squares[c] & ~squares) == 0) free_cubes |= 1u << c;
  }
  Base& base = bases_[squares];
  base.first = static_cast<std::uint16_t>(critical_squares_.size());
  base.free_edges = static_cast<std::uint8_t>(kEdgeBits & ~covered);
  base.free_cubes = static_cast<std::uint8_t>(free_cubes);
  base.cube_count = static_cast<std::uint8_t>(count_bits(free_cubes));
  base.low_cube_count = static_cast<std::uint8_t>(count_bits(free_cubes & 15));

  // Free edges change nothing about the critical squares, so each collapse is repeated.
  const int edge_sets = 1 << count_bits(base.free_edges);
  for (int i = 0; i < edge_sets; ++i) {
    std::uint32_t cubes = 0;
    do {
      collapse(squares, cubes);
      cubes = (cubes - free_cubes) & free_cubes;  // the next subset
    } while (cubes != 0);
  }
}

// Pairs squares outside the forest with cubes, and follows the paths that result from each
// square left over to the two cubes outside the star where they end.
void LowerStarTable::collapse(std::uint32_t squares, std::uint32_t cubes) {
  std::uint32_t left = squares & ~cuts_[squares].tree;
  std::uint32_t unpaired = cubes;
  int square_of[kCubes] = {};
  const auto collapse_from_free_faces = [&] {
    for (bool again = true; again;) {
      again = false;
      for_each_bit(left, [&](int s) {
        const auto [c, d] = kStar.square_cubes[s];
        const bool c_there = unpaired >> c & 1, d_there = unpaired >> d & 1;
        if (c_there == d_there) return;
        const int cube = c_there ? c : d;
        square_of[cube] = s;
        unpaired &= ~(1u << cube);
        left &= ~(1u << s);
        again = true;
      });
    }
  };
  collapse_from_free_faces();
  if (unpaired != 0) {  // a closed sphere: one cube is critical, the rest collapses onto it
    unpaired &= unpaired - 1;
    collapse_from_free_faces();
  }

  critical_squares_.push_back(static_cast<std::uint16_t>(left));
  first_exit_.push_back(static_cast<std::uint32_t>(exits_.size()));
  for_each_bit(left, [&](int s) {
    Exits exits{};
    for (int side = 0; side < 2; ++side) {
      int cube = kStar.square_cubes[s][side];
      while (cubes >> cube & 1) {
        const auto [c, d] = kStar.square_cubes[square_of[cube]];
        cube = c == cube ? d : c;
      }
      exits.cube[side] = static_cast<std::uint8_t>(cube);
    }
    exits_.push_back(exits);
  });
}

}  // namespace topoeval::volume
