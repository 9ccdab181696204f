// H1 by homology: the boundaries of negative squares flow down to positive critical edges.
//
// A chain is a set of edges.  An edge paired with its voxel, or critical but negative, can never
// be a pivot and is dropped on sight.  An edge paired with a square is replaced by the rest of
// the boundary of that square, again and again up to the root of its tree: by the far edges of
// all squares on the path, and by the root if that is critical.
#pragma once

#include <vector>

#include "extrema.hpp"
#include "chain_queue.hpp"
#include "reduction.hpp"

namespace topoeval::volume {

// Numbers for the critical cells of a set of voxels, without gaps.  Most voxels have one such
// cell, so the first of each is numbered by the rank of the voxel alone, which saves a read.
class Slots {
 public:
  template <class CellsAt> void build(const PlaceSet& voxels, CellsAt cells_at) {
    voxels_ = &voxels;
    more_.resize(voxels.size());
    count_ = voxels.size();
    std::size_t i = 0;
    voxels.for_each([&](Place place) {
      more_[i++] = static_cast<std::uint32_t>(count_);
      const int cells = count_bits(cells_at(place));
      if (cells > 1) count_ += static_cast<std::size_t>(cells - 1);
    });
  }
  std::size_t size() const { return count_; }
  // Of one cell of a voxel, a mask of one bit, among the critical ones.
  std::size_t of(Place place, std::uint32_t cells, std::uint32_t cell) const {
    const std::uint32_t rank = voxels_->rank(place);
    const std::uint32_t earlier = cells & (cell - 1);
    if (earlier == 0) return rank;
    return more_[rank] + static_cast<std::size_t>(count_bits(earlier) - 1);
  }

 private:
  const PlaceSet* voxels_ = nullptr;
  std::vector<std::uint32_t> more_;
  std::size_t count_ = 0;
};

template <class Key, class ChainEntry> class PrimalFlow {
 public:
  using Entry = ChainEntry;

  PrimalFlow(const Gradient<Key>& gradient, const Grid& grid, const std::vector<Column>& squares)
      : voxels_(gradient.voxels()), columns_(squares), table_(LowerStarTable::get()) {
    slots_.build(gradient.edge_voxels,
                 [&](Place place) { return table_.critical_edges(voxels_[place].lower()); });
    for (int s = 0; s < kSquares; ++s) {
      const auto [a, b] = kStar.square_edges[s];
      far_[s] = {grid.offset(a), grid.offset(b), grid.offset(kSquareShift + s), a, b};
    }
  }

  std::size_t columns() const { return columns_.size(); }
  const Column& column(std::size_t i) const { return columns_[i]; }
  std::size_t slots() const { return slots_.size(); }

  // Filtration order; the number of a square settles ties within a star.
  Entry rank(const Column& square) const {
    return Entry::make(voxels_[square.place].key, square.place, square.cell);
  }
  Entry origin(const Column& square) const { return entry(square.place, 0); }

  std::uint32_t seed(const Column& square, ChainQueue<Entry>& chain) const {
    const auto [a, b] = kStar.square_edges[square.cell];
    const std::uint32_t edges = (1u << a | 1u << b) & voxels_[square.place].positive();
    return flow(square.place, edges, 1u << square.cell, chain);
  }
  std::uint32_t flow(Entry owner, std::uint32_t edges, ChainQueue<Entry>& chain) const {
    return flow(Entry::complement(owner.place()), edges, 0, chain);
  }

  // The largest critical edge is the pivot.
  std::size_t slot(Entry owner, std::uint32_t edges, std::uint32_t& pivot) const {
    const Place place = Entry::complement(owner.place());
    pivot = 1u << highest_bit(edges);
    return slots_.of(place, table_.critical_edges(voxels_[place].lower()), pivot);
  }
  std::size_t slot_of(const Column& edge) const {
    return slots_.of(edge.place, table_.critical_edges(voxels_[edge.place].lower()), 1u << edge.cell);
  }

 private:
  struct FarEdges {
    Place a, b, corner;  // offsets of the square's other corners
    std::uint8_t edge_a, edge_b;
  };

  // Largest owner first.
  Entry entry(Place place, std::uint32_t edges) const {
    return Entry::make(static_cast<Key>(~voxels_[place].key), Entry::complement(place), edges);
  }

  std::uint32_t flow(Place place, std::uint32_t edges, std::uint32_t squares, ChainQueue<Entry>& chain) const {
    const Voxel<Key>& voxel = voxels_[place];
    const Forest& forest = table_.forest(table_.squares(voxel.lower()));
    std::uint32_t roots = 0;
    for_each_bit(edges, [&](int e) {
      squares ^= forest.path_squares(e);
      roots ^= 1u << forest.root(e);
    });
    for_each_bit(squares, [&](int s) {
      const FarEdges& far = far_[s];
      const Place corner = place + far.corner;
      // From the corner opposite the voxel, each far edge runs against one of the near ones.
      push_edge(place + far.a, far.edge_b, corner, chain);
      push_edge(place + far.b, far.edge_a, corner, chain);
    });
    return roots & voxel.positive();
  }

  // The edge from a voxel in direction e to another.  Only at its owner it can be positive.
  void push_edge(Place from, int e, Place to, ChainQueue<Entry>& chain) const {
    const std::uint32_t at_from = voxels_[from].positive() >> e & 1;
    const std::uint32_t at_to = voxels_[to].positive() >> (e ^ 1) & 1;
    const Place owner = at_to ? to : from;
    const std::uint32_t edge = at_to ? 1u << (e ^ 1) : 1u << e;
    chain.push_if(entry(owner, edge), at_from | at_to);
  }

  const Voxel<Key>* voxels_;
  const std::vector<Column>& columns_;
  const LowerStarTable& table_;
  Slots slots_;
  FarEdges far_[kSquares];
};

}  // namespace topoeval::volume
