// H1 by cohomology: the coboundaries of positive critical edges flow up to negative squares.
//
// A cochain is a set of squares.  A square that is positive, or paired with a cube, can never be
// a pivot and is dropped on sight.  A square of the forest is removed by adding the coboundary of
// the edge it is paired with.  That brings in the squares by which other edges hang on that
// edge; removing those too comes to the coboundary of the whole subtree below the square.
#pragma once

#include <vector>

#include "../common/team.hpp"
#include "chain_queue.hpp"
#include "gradient.hpp"
#include "slots.hpp"

namespace topoeval::volume {

// The squares of one lower star, as cohomology sees them.  Replaces the word of a voxel.
class StarSquares {
 public:
  explicit StarSquares(std::uint32_t word) : word_(word) {}
  StarSquares(std::uint32_t squares, std::uint32_t kept) : word_(squares | kept << kSquares) {}
  std::uint32_t word() const { return word_; }
  std::uint32_t all() const { return word_ & kSquareBits; }
  // Those of the forest and the critical ones that are negative.
  std::uint32_t kept() const { return word_ >> kSquares; }

 private:
  std::uint32_t word_;
};

template <class Key, class ChainEntry> class DualFlow {
 public:
  using Entry = ChainEntry;

  // Rewrites the words of all voxels: neither traces nor the primal reduction can follow.
  DualFlow(Gradient<Key>& gradient, const Grid& grid, const std::vector<Column>& edges,
           const std::vector<Column>& negative_squares, Team& team)
      : voxels_(gradient.voxels()), columns_(edges), table_(LowerStarTable::get()) {
    Voxel<Key>* voxels = gradient.voxels();
    team.run(grid.depth() + 2, [&](std::int64_t plane, int) {
      team.interrupt().poll();
      const auto begin = static_cast<std::size_t>(plane * grid.plane());
      for (std::size_t i = begin; i < begin + static_cast<std::size_t>(grid.plane()); ++i) {
        // Outside, above all voxels, there is no star: its cells are never met.
        const std::uint32_t squares = voxels[i].bits == kAllNeighbours && on_border(voxels[i].key)
                                          ? 0 : table_.squares(voxels[i].lower());
        voxels[i].bits = StarSquares(squares, table_.cuts(squares).tree).word();
      }
    });
    for (const Column& square : negative_squares) {
      voxels[square.place].bits |= 1u << (kSquares + square.cell);
    }
    slots_.build(gradient.square_voxels, negative_squares);
    for (int e = 0; e < kEdges; ++e) {
      int i = 0;
      for_each_bit(kStar.squares_around[e], [&](int s) {
        const auto [a, b] = kStar.square_edges[s];
        const int other = a == e ? b : a;
        around_[e][i++] = {grid.offset(other), grid.offset(kSquareShift + s),
                           kStar.square_of[e][opposite_edge(other)],
                           kStar.square_of[opposite_edge(e)][opposite_edge(other)]};
      });
    }
  }

  const Column& column(std::size_t i) const { return columns_[i]; }
  std::size_t slots() const { return slots_.size(); }

  // Cohomology runs through the filtration backwards: later edges have the lower rank.
  Entry rank(const Column& edge) const {
    return Entry::make(static_cast<Key>(~voxels_[edge.place].key), Entry::complement(edge.place),
                       7 - edge.cell);
  }
  Entry origin(const Column& edge) const { return entry(edge.place, 0); }

  std::uint32_t seed(const Column& edge, ChainQueue<Entry>& chain) const {
    return flow(edge.place, 0, 1u << edge.cell, chain);
  }
  std::uint32_t flow(Entry owner, std::uint32_t squares, ChainQueue<Entry>& chain) const {
    return flow(owner.place(), squares, 0, chain);
  }

  // The smallest square is the pivot.
  std::size_t slot(Entry owner, std::uint32_t squares, std::uint32_t& pivot) const {
    pivot = squares & (~squares + 1);
    return slots_.of(owner.place(), critical(owner.place()), pivot);
  }
  std::size_t slot_of(const Column& square) const {
    return slots_.of(square.place, critical(square.place), 1u << square.cell);
  }

 private:
  // A square at an edge from v, seen from its two corners off the edge.
  struct Around {
    Place beside, across;                 // offsets of those corners
    std::uint32_t at_beside, at_across;  // the square's number there
  };

  static bool on_border(Key key) { return key == kAboveAll<Key>; }

  StarSquares squares(Place place) const { return StarSquares(voxels_[place].bits); }
  std::uint32_t critical(Place place) const {
    const StarSquares star = squares(place);
    return star.kept() & ~std::uint32_t{table_.cuts(star.all()).tree};
  }

  // Smallest owner first.
  Entry entry(Place place, std::uint32_t square) const {
    return Entry::make(voxels_[place].key, place, Entry::kNumbersCells ? square : 1u << square);
  }

  // Adds the coboundary of these edges, and of those needed to clear the squares of the forest.
  std::uint32_t flow(Place place, std::uint32_t squares, std::uint32_t edges,
                     ChainQueue<Entry>& chain) const {
    const StarSquares star = this->squares(place);
    const Cuts& cuts = table_.cuts(star.all());
    const auto around = [&](int e) { return kStar.squares_around[e] & star.all(); };
    for_each_bit(edges, [&](int e) { squares ^= around(e); });
    std::uint32_t subtrees = 0;
    for_each_bit(squares & cuts.tree, [&](int s) { subtrees ^= cuts.below[s]; });
    for_each_bit(subtrees, [&](int e) { squares ^= around(e); });
    for_each_bit(edges | subtrees, [&](int e) { push_around(place, e, chain); });
    return squares & star.kept();
  }

  void push_around(Place place, int e, ChainQueue<Entry>& chain) const {
    for (const Around& square : around_[e]) {
      const Place beside = place + square.beside, across = place + square.across;
      const std::uint32_t at_beside = squares(beside).kept() >> square.at_beside & 1;
      const std::uint32_t at_across = squares(across).kept() >> square.at_across & 1;
      // Without a branch, which could not be predicted.
      const std::uint32_t choose = 0u - at_across;
      const Place owner = beside ^ ((beside ^ across) & choose);
      const std::uint32_t number =
          square.at_beside ^ ((square.at_beside ^ square.at_across) & choose);
      chain.push_if(entry(owner, number), at_beside | at_across);
    }
  }

  const Voxel<Key>* voxels_;
  const std::vector<Column>& columns_;
  const LowerStarTable& table_;
  Slots slots_;
  Around around_[kEdges][4];
};

}  // namespace topoeval::volume
