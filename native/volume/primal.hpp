// H1 by homology: the boundaries of negative squares flow down to positive critical edges.
//
// A chain is a set of edges.  An edge paired with its voxel, or critical but negative, can never
// be a pivot and is dropped on sight.  An edge paired with a square is replaced by the rest of
// the boundary of that square, again and again up to the root of its tree: by the far edges of
// all squares on the path, and by the root if that is critical.
#pragma once

#include <vector>

#include "../common/prefetch.hpp"
#include "chain_queue.hpp"
#include "gradient.hpp"
#include "slots.hpp"

namespace topoeval::volume {

template <class Key, class ChainEntry> class PrimalFlow {
 public:
  using Entry = ChainEntry;

  PrimalFlow(const Gradient<Key>& gradient, const Grid& grid, const std::vector<Column>& edges,
             const std::vector<Column>& squares)
      : voxels_(gradient.voxels()), columns_(squares), table_(LowerStarTable::get()) {
    slots_.build(gradient.edge_voxels, edges);
    // Trees hang on the edge -z more than on others: the next step mostly looks one plane below.  Volumes
    // that fit the cache need no request.
    next_ = grid.places() > kCached ? grid.offset(0) : 0;
    for (int s = 0; s < kSquares; ++s) {
      const auto [a, b] = kStar.square_edges[s];
      far_[s] = {grid.offset(a), grid.offset(b), grid.offset(kSquareShift + s), edge(a), edge(b)};
    }
  }

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
    return slots_.of(place, positive_critical(place), pivot);
  }
  std::size_t slot_of(const Column& edge) const {
    return slots_.of(edge.place, positive_critical(edge.place), 1u << edge.cell);
  }

 private:
  static constexpr std::size_t kCached = std::size_t{1} << 19;

  // An edge in the stars of its two ends: masks of one bit.
  struct Edge {
    std::uint8_t from, to;
  };
  static Edge edge(int e) {
    return {static_cast<std::uint8_t>(1u << e), static_cast<std::uint8_t>(1u << opposite_edge(e))};
  }
  struct FarEdges {
    Place a, b, corner;  // offsets of the square's other corners
    Edge edge_a, edge_b;
  };

  std::uint32_t positive_critical(Place place) const {
    const Voxel<Key>& voxel = voxels_[place];
    return voxel.positive() & ~table_.forest(table_.squares(voxel.lower())).inner;
  }

  // Largest owner first.
  Entry entry(Place place, std::uint32_t edges) const {
    return Entry::make(static_cast<Key>(~voxels_[place].key), Entry::complement(place), edges);
  }

  std::uint32_t flow(Place place, std::uint32_t edges, std::uint32_t squares,
                     ChainQueue<Entry>& chain) const {
    const Voxel<Key>& voxel = voxels_[place];
    const Forest& forest = table_.forest(table_.squares(voxel.lower()));
    const std::uint32_t sum = forest.sum_of_paths(edges);
    squares ^= sum & kSquareBits;
    // Two squares at a time, the second maybe an idle one: fewer rounds are easier to predict.
    while (squares != 0) {
      push_far_edges(place, lowest_bit(squares), 1, chain);
      squares &= squares - 1;
      push_far_edges(place, lowest_bit(squares | 1u << kSquares), squares != 0, chain);
      squares &= squares - 1;
    }
    return sum >> kSquares & voxel.positive();
  }

  // From the corner opposite the voxel, each far edge runs against one of the near ones.
  void push_far_edges(Place place, int square, std::uint32_t wanted,
                      ChainQueue<Entry>& chain) const {
    const FarEdges& far = far_[square];
    push_edge(place + far.a, far.edge_b, place + far.corner, wanted, chain);
    push_edge(place + far.b, far.edge_a, place + far.corner, wanted, chain);
  }

  // Only at its owner an edge can be positive.
  void push_edge(Place from, Edge edge, Place to, std::uint32_t wanted,
                 ChainQueue<Entry>& chain) const {
    const std::uint32_t at_from = voxels_[from].positive() & edge.from;
    const std::uint32_t at_to = voxels_[to].positive() & edge.to;
    const std::uint32_t choice = 0u - static_cast<std::uint32_t>(at_to != 0);
    const Place owner = from ^ ((from ^ to) & choice);  // a branch could not be predicted
    const std::uint32_t cells = at_from | at_to;
    prefetch(&voxels_[owner + next_]);
    chain.push_if(entry(owner, cells), static_cast<std::uint32_t>(cells != 0) & wanted);
  }

  const Voxel<Key>* voxels_;
  const std::vector<Column>& columns_;
  const LowerStarTable& table_;
  Slots slots_;
  Place next_;
  FarEdges far_[kSquares + 1] = {};  // one more for the idle square
};

}  // namespace topoeval::volume
