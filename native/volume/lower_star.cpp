#include "lower_star.hpp"

#include <memory>
#include <stdexcept>

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

namespace {

// Joins nodes by the squares whose ends are not joined yet, in the order of the calls.
template <int Nodes> class Joiner {
 public:
  Joiner() {
    for (int i = 0; i < Nodes; ++i) set_[i] = i;
  }
  bool join(int a, int b) {
    const int kept = set_[a], lost = set_[b];
    for (int& set : set_) set = set == lost ? kept : set;
    return kept != lost;
  }

 private:
  int set_[Nodes];
};

}  // namespace

// The minimum spanning forest, seen from the lowest edge of each component.
void LowerStarTable::build_forest(std::uint32_t squares) {
  Forest& forest = forests_[squares];
  Cuts& cuts = cuts_[squares];
  forest = {};
  cuts = {};
  Joiner<kEdges> joiner;
  for_each_bit(squares, [&](int s) {
    const auto [a, b] = kStar.square_edges[s];
    if (joiner.join(a, b)) cuts.tree = static_cast<std::uint16_t>(cuts.tree | 1 << s);
  });
  std::uint32_t seen = 0;
  for (int root = 0; root < kEdges; ++root) {
    if (seen >> root & 1) continue;
    seen |= 1u << root;
    forest.path[root] = 1u << (kSquares + root);
    int queue[kEdges] = {root}, size = 1;
    for (int i = 0; i < size; ++i) {
      const int parent = queue[i];
      for_each_bit(cuts.tree & kStar.squares_around[parent], [&](int s) {
        const auto [a, b] = kStar.square_edges[s];
        const int child = a == parent ? b : a;
        if (seen >> child & 1) return;
        seen |= 1u << child;
        queue[size++] = child;
        forest.path[child] = forest.path[parent] ^ 1u << s;
        forest.inner |= 1u << child;
      });
    }
  }
  for (int e = 0; e < kEdges; ++e) {
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

// Pairs cubes with the squares of the maximum spanning forest of the dual graph, and follows the
// paths that result from each square left over to the two cubes outside the star where they end.
void LowerStarTable::collapse(std::uint32_t squares, std::uint32_t cubes) {
  const auto node = [&](int cube) { return cubes >> cube & 1 ? cube : kCubes; };
  Joiner<kCubes + 1> joiner;
  std::uint32_t tree = 0;
  for (int s = kSquares - 1; s >= 0; --s) {
    const auto [c, d] = kStar.square_cubes[s];
    if ((squares >> s & 1) && joiner.join(node(c), node(d))) tree |= 1u << s;
  }
  // From the root, the absent cubes or else cube 0, every cube is paired with the square before it.
  int square_of[kCubes] = {};
  std::uint32_t reached = cubes == kCubeBits ? 1u : ~cubes & kCubeBits;
  for (std::uint32_t waiting = tree; waiting != 0;) {
    const std::uint32_t before = waiting;
    for_each_bit(waiting, [&](int s) {
      const auto [c, d] = kStar.square_cubes[s];
      const bool from_c = reached >> c & 1, from_d = reached >> d & 1;
      if (from_c == from_d) return;
      const int cube = from_c ? d : c;
      square_of[cube] = s;
      reached |= 1u << cube;
      waiting &= ~(1u << s);
    });
    if (waiting == before) throw std::logic_error("a forest of cubes that does not hang together");
  }
  const std::uint32_t left = squares & ~cuts_[squares].tree & ~tree;

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
