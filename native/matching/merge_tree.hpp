// The merge tree of one order, with the ages of its components in other orders carried along.
//
// Upwards (H0): sublevel components, joined by edges in ascending order; the younger minimum
// dies.  Downwards (H of the top dimension, by duality): components of the top cells above, the
// outside among them, joined by facets in descending order.  Here the older of two is always the one of
// higher rank: who goes upwards hands in reversed ranks.
//
// Image persistence needs the same sweep with another order's notion of age: where two
// components of the order that is swept meet, the one whose oldest cell in the *foreign* order is
// the younger of the two loses that.
//
// As in a Morse complex, few voxels have to be visited: those where components meet, and those
// that bring a component a cell older, in some foreign order, than what their older neighbours
// have brought.  All others change nothing.  The loops that find them run along rows, without
// branches.
#pragma once

#include <utility>
#include <vector>

#include "../common/prefetch.hpp"
#include "../volume/bits.hpp"
#include "basins.hpp"
#include "order.hpp"

namespace topoeval::matching {

// What can be born in a sweep, by age: a voxel (up), or a top cell (down), known by its oldest
// voxel's rank and by whether it is the oldest cell of that voxel, for only that one can be a death.
// Greater is older, 0 is none.
using Cell = std::int32_t;
constexpr Cell kOldest = 0x7FFFFFFF;
inline Cell make_cell(std::int32_t rank, bool first) { return rank << 1 | Cell{first}; }

template <int D> class MergeTree {
 public:
  void build(const Ranks& ranks, const Grid<D>& grid, Sense sense, Interrupt& interrupt) {
    ranks_ = &ranks;
    grid_ = &grid;
    sense_ = sense;
    beside_ = sense == Sense::up ? grid.edge : grid.neighbour;
    beside_count_ = sense == Sense::up ? Grid<D>::kEdges : Grid<D>::kNeighbours;
    if constexpr (D == 2) {
      for (std::uint32_t i = 0; i < 256; ++i) saddle_[i] = grid.may_meet(i, sense == Sense::up);
    }
    basins_.build(ranks, grid, sense, interrupt);
  }

  // Extrema by node, the outside first.
  const std::vector<Place>& extrema() const { return basins_.extrema(); }
  std::int32_t node_at(Place place) const { return basins_.label()[place]; }

  // Sweeps; calls visit(voxel, dead) wherever two components meet.  dead[k] is the extremum of
  // order k that dies there, or kNone if what dies is no extremum.  `bringers`: all voxels, but for
  // extrema and those where components meet, that bring a cell older in a foreign order than
  // any before in its component; null: find them.
  template <std::size_t N, class Visit>
  void sweep(const Ranks* const (&orders)[N], Interrupt& interrupt, Visit visit,
             const std::vector<Place>* bringers = nullptr) {
    const std::size_t nodes = extrema().size();
    parent_.assign(nodes, -1);
    oldest_.resize(nodes * N);
    for (std::size_t k = 0; k < N; ++k) {
      interrupt.poll();
      const bool own = orders[k] == ranks_;
      if (!own && bringers == nullptr) find_arrivals(*orders[k], arrivals_[k]);
      oldest_[k] = kOldest;
      for (std::size_t i = 1; i < nodes; ++i) {
        const Place extremum = extrema()[i];
        oldest_[i * N + k] = own ? make_cell(rank_of(*ranks_, extremum), true)
                             : bringers == nullptr ? arrivals_[k][static_cast<std::size_t>(extremum)]
                                                   : oldest_at(extremum, *orders[k]);
      }
    }
    choose_visits(orders, bringers, interrupt);

    const auto take = [&](std::int32_t node, std::size_t k, Cell cell) {
      Cell& best = oldest_[static_cast<std::size_t>(node) * N + k];
      best = std::max(best, cell);
    };
    const auto join = [&](Place voxel, std::int32_t a, std::int32_t b) {
      Place dead[N];
      std::int32_t* at_a = &parent_[static_cast<std::size_t>(a)];
      std::int32_t* at_b = &parent_[static_cast<std::size_t>(b)];
      if (*at_a > *at_b) {  // ages are kept apart from the trees: the larger one takes the smaller
        std::swap(a, b);
        std::swap(at_a, at_b);
      }
      *at_a += *at_b;
      *at_b = a;
      for (std::size_t k = 0; k < N; ++k) {
        Cell& of_a = oldest_[static_cast<std::size_t>(a) * N + k];
        const Cell of_b = oldest_[static_cast<std::size_t>(b) * N + k];
        const Cell younger = std::min(of_a, of_b);
        of_a = std::max(of_a, of_b);
        dead[k] = younger & 1 ? orders[k]->place(static_cast<std::uint32_t>(younger >> 1)) : kNone;
      }
      visit(voxel, dead);
    };

    // What a block of visits will read is requested before the first of them.
    constexpr int kBlock = 32;
    std::int32_t block[kBlock];
    int size = 0;
    const auto visit_block = [&] {
      for (int i = 0; i < size; ++i) prefetch_around(place_at(block[i]));
      for (int i = 0; i < size; ++i) {
        if (sense_ == Sense::up) {
          visit_up<N>(block[i], orders, take, join);
        } else {
          visit_down<N>(block[i], orders, take, join);
        }
      }
      size = 0;
    };
    for (std::size_t word = visits_.size(); word-- > 0;) {
      if (word % 1024 == 0) interrupt.poll();
      for (std::uint64_t bits = visits_[word]; bits != 0;) {
        const int bit = volume::highest_bit(bits);
        bits ^= std::uint64_t{1} << bit;
        block[size++] = static_cast<std::int32_t>(word * 64 + static_cast<std::size_t>(bit));
        if (size == kBlock) visit_block();
      }
    }
    visit_block();
  }

  // The voxels of the last sweep, a bit for each rank.
  const std::vector<std::uint64_t>& visits() const { return visits_; }

  // The extremum that is left when all is joined; not the outside, where that is left too.
  Place survivor() const {
    std::int32_t best = 0;
    for (std::size_t i = 1; i < extrema().size(); ++i) best = std::max(best, rank_of(*ranks_, extrema()[i]));
    return place_at(best);
  }

 private:
  static std::int32_t rank_of(const Ranks& ranks, Place place) { return ranks.data()[place]; }
  Place place_at(std::int32_t rank) const { return ranks_->place(static_cast<std::uint32_t>(rank)); }

  void prefetch_around(Place v) const {
    const std::int32_t* rank = ranks_->data() + v;
    const std::int32_t* label = basins_.label() + v;
    if (D == 2 || sense_ == Sense::up) {
      for (const Place step : grid_->edge) {
        if (step == 1 || step == -1) continue;
        prefetch(rank + step);
        prefetch(label + step);
      }
    } else {
      for (const Place z : {-grid_->plane(), Place{0}, grid_->plane()}) {
        for (const Place y : {-grid_->row(), Place{0}, grid_->row()}) {
          prefetch(rank + z + y);
          prefetch(label + z + y);
        }
      }
    }
    prefetch(rank);
    prefetch(label);
  }

  // By voxel, the oldest in a foreign order of the cells that enter with it.
  void find_arrivals(const Ranks& foreign, Buffer<Cell>& arrivals) {
    Cell* out = arrivals.reserve(grid_->places());
    const std::int32_t* theirs = foreign.data();
    const auto places = static_cast<Place>(grid_->places());
    if (sense_ == Sense::up) {
      for (Place v = 0; v < places; ++v) out[v] = make_cell(theirs[v], true);
      return;
    }
    std::fill_n(out, grid_->places(), 0);
    const std::int32_t* ours = ranks_->data();
    const auto& corners = grid_->top[Grid<D>::kTops - 1].corner;  // of the cell ahead
    grid_->for_each_top([&](Place first, Place end) {
      std::int32_t* highest = work_[0].reserve(static_cast<std::size_t>(end - first));
      Cell* cells = work_[1].reserve(static_cast<std::size_t>(end - first));
      for (Place top = first; top < end; ++top) {
        std::int32_t own = ours[top], their = theirs[top];
        for (const Place corner : corners) {
          own = std::max(own, ours[top + corner]);
          their = std::max(their, theirs[top + corner]);
        }
        highest[top - first] = own;
        cells[top - first] = make_cell(their, their == theirs[top]);
      }
      for (Place i = 0; i < end - first; ++i) {
        Cell& best = out[place_at(highest[i])];
        best = std::max(best, cells[i]);
      }
    });
  }

  // Voxels beside which paths of more than one end begin, and those with a cell that may be the
  // oldest of its component in a foreign order.
  template <std::size_t N>
  void choose_visits(const Ranks* const (&orders)[N], const std::vector<Place>* bringers,
                     Interrupt& interrupt) {
    visits_.assign((grid_->voxels() + 2 + 63) / 64, 0);
    const std::int32_t* rank = ranks_->data();
    const std::int32_t* label = basins_.label();
    std::vector<std::int32_t> row(static_cast<std::size_t>(grid_->width()));
    std::vector<std::int32_t> outdone(row.size());
    std::int32_t *meets = row.data(), *beaten = outdone.data();
    interrupt.poll();
    for_each_row([&](Place first, Place end) {
      const Place width = end - first;
      for (Place x = 0; x < width; ++x) meets[x] = beaten[x] = 0;
      for (int i = 0; i < Grid<D>::kNeighbours; ++i) {
        const std::int32_t *ours = rank + first, *other = ours + grid_->neighbour[i];
        for (Place x = 0; x < width; ++x) beaten[x] |= (other[x] > ours[x]) << i;
      }
      if constexpr (D == 2) {  // there are only 256 cases
        for (Place x = 0; x < width; ++x) meets[x] = saddle_[beaten[x]];
      } else {
        for (int i = 0; i < beside_count_; ++i) {
          const std::int32_t *ours = rank + first, *other = ours + beside_[i];
          const std::int32_t *own = label + first, *their = own + beside_[i];
          for (Place x = 0; x < width; ++x) {
            meets[x] |= other[x] > ours[x] ? own[x] ^ their[x] : 0;
          }
        }
        for (Place x = 0; x < width; ++x) {
          if (meets[x] == 0) continue;
          meets[x] = grid_->may_meet(static_cast<std::uint32_t>(beaten[x]), sense_ == Sense::up);
        }
      }
      for (std::size_t k = 0; k < N; ++k) {
        if (orders[k] == ranks_ || bringers != nullptr) continue;
        const Cell* cells = arrivals_[k].data() + first;
        for (Place x = 0; x < width; ++x) beaten[x] = cells[x] == 0 || label[first + x] == 0;
        for (int i = 0; i < beside_count_; ++i) {
          const std::int32_t *ours = rank + first, *other = ours + beside_[i];
          const Cell* theirs = cells + beside_[i];
          for (Place x = 0; x < width; ++x) {
            beaten[x] |= static_cast<std::int32_t>((other[x] > ours[x]) & (theirs[x] >= cells[x]));
          }
        }
        for (Place x = 0; x < width; ++x) meets[x] |= beaten[x] ^ 1;
      }
      for (Place x = 0; x < width; ++x) {
        const auto at = static_cast<std::uint32_t>(rank[first + x]);
        visits_[at / 64] |= std::uint64_t{meets[x] != 0} << (at % 64);
      }
    });
    if (bringers == nullptr) return;
    for (const Place v : *bringers) {
      const auto at = static_cast<std::uint32_t>(rank[v]);
      visits_[at / 64] |= std::uint64_t{1} << (at % 64);
    }
  }

  // Of the cells that enter with a voxel, the oldest in a foreign order.
  Cell oldest_at(Place v, const Ranks& order) const {
    if (sense_ == Sense::up) return make_cell(rank_of(order, v), true);
    Cell best = 0;
    for (int t = 0; t < Grid<D>::kTops; ++t) {
      std::int32_t highest = 0;
      for (const Place corner : grid_->top[t].corner) {
        highest = std::max(highest, rank_of(*ranks_, v + corner));
      }
      if (highest < rank_of(*ranks_, v)) best = std::max(best, cell_of(v, t, order));
    }
    return best;
  }

  template <class Visit> void for_each_row(Visit visit) const {
    grid_->for_each_row([&](Place first, std::int64_t) {
      visit(first, first + static_cast<Place>(grid_->width()));
    });
  }

  std::int32_t find(std::int32_t node) {
    std::int32_t* parent = parent_.data();
    while (parent[node] >= 0) {
      const std::int32_t above = parent[node];
      if (parent[above] < 0) return above;
      node = parent[node] = parent[above];
    }
    return node;
  }
  std::int32_t component(Place place) { return find(node_at(place)); }

  // The first edge of a voxel takes it into a component, others may join components.
  template <std::size_t N, class Take, class Join>
  void visit_up(std::int32_t rank, const Ranks* const (&orders)[N], Take take, Join join) {
    const Place v = place_at(rank);
    std::int32_t own = -1;
    for (const Place step : grid_->edge) {
      if (rank_of(*ranks_, v + step) <= rank) continue;
      const std::int32_t other = component(v + step);
      if (own < 0) {
        own = other;
        for (std::size_t k = 0; k < N; ++k) take(own, k, make_cell(rank_of(*orders[k], v), true));
      } else if (own != other) {
        join(v, own, other);
        own = find(own);
      }
    }
  }

  // Top cells that enter with the voxel itself are younger than all components and not among
  // the nodes: here they are the negative numbers.
  template <std::size_t N, class Take, class Join>
  void visit_down(std::int32_t rank, const Ranks* const (&orders)[N], Take take, Join join) {
    constexpr int kTops = Grid<D>::kTops;
    const Place v = place_at(rank);
    if (basins_.is_extremum(v)) return;
    const std::int32_t* ours = ranks_->data() + v;
    std::int32_t at[kTops];
    for (int t = 0; t < kTops; ++t) {
      std::int32_t highest = rank;
      for (const Place corner : grid_->top[t].corner) highest = std::max(highest, ours[corner]);
      at[t] = highest == rank ? -1 - t : component(place_at(highest));
    }
    for (int f = Grid<D>::kFacets - 1; f >= 0; --f) {
      const auto& facet = grid_->facet[f];
      bool enters_here = true;
      for (const Place corner : facet.corner) enters_here &= ours[corner] < rank;
      if (!enters_here) continue;
      std::int32_t a = at[facet.side[0]], b = at[facet.side[1]];
      if (a >= 0) a = find(a);
      if (b >= 0) b = find(b);
      if (a == b) continue;
      if (a < 0) std::swap(a, b);
      if (b >= 0) {
        join(v, a, b);
        continue;
      }
      for (int t = 0; t < kTops; ++t) {
        if (at[t] != b) continue;
        at[t] = a;
        if (a < 0) continue;
        for (std::size_t k = 0; k < N; ++k) {
          if (orders[k] != ranks_) take(a, k, cell_of(v, t, *orders[k]));
        }
      }
    }
  }

  Cell cell_of(Place v, int t, const Ranks& order) const {
    Place first = v;
    std::int32_t highest = rank_of(order, v);
    for (const Place corner : grid_->top[t].corner) {
      first = std::min(first, v + corner);
      highest = std::max(highest, rank_of(order, v + corner));
    }
    return make_cell(highest, highest == rank_of(order, first));
  }

  const Ranks* ranks_ = nullptr;
  const Grid<D>* grid_ = nullptr;
  Sense sense_ = Sense::up;
  const Place* beside_ = nullptr;
  int beside_count_ = 0;
  bool saddle_[D == 2 ? 256 : 1];
  Basins<D> basins_;
  Buffer<std::int32_t> work_[2];
  Buffer<Cell> arrivals_[3];
  std::vector<std::uint64_t> visits_;
  std::vector<std::int32_t> parent_;  // of a root: less the number of nodes
  std::vector<Cell> oldest_;
};

}  // namespace topoeval::matching
