// The merge tree of one order, with the ages of its components in other orders carried along.
//
// Upwards (H0): sublevel components, joined by edges in ascending order; the younger minimum
// dies.  Downwards (H of the top dimension, by duality): components of the top cells above, the
// outside among them, joined by facets in descending order.
//
// Image persistence needs the same sweep with another order's notion of age: where two
// components of the order that is swept meet, the one whose oldest cell in the *foreign* order is
// the younger of the two loses that.
//
// As in a Morse complex, few voxels have to be visited: those where components meet, and those
// that bring a component a cell older, in some foreign order, than what their older neighbours
// have brought.  All others change nothing.
#pragma once

#include <utility>
#include <vector>

#include "order.hpp"

namespace topoeval::matching {

enum class Sense { up, down };

constexpr Place kNone = -1;

// Whether a voxel a is older than b.
template <class Key> bool older(const Order<Key>& order, Sense sense, Place a, Place b) {
  return sense == Sense::up ? order.less(a, b) : order.less(b, a);
}

// What can be born in a sweep, by age: a voxel (up), or a top cell (down), known by its last voxel
// and by whether it is the last of those that enter with it, for only that one can be a death.
class Cell {
 public:
  Cell() = default;
  Cell(Place voxel, bool last) : code_(static_cast<std::uint32_t>(voxel) << 1 | std::uint32_t{last}) {}
  static Cell outside() { return {0, true}; }

  bool none() const { return code_ == 0; }
  Place voxel() const { return static_cast<Place>(code_ >> 1); }
  bool last() const { return code_ & 1; }

  template <class Key> bool older_than(const Cell& other, const Order<Key>& order, Sense sense) const {
    if (voxel() == other.voxel()) return code_ > other.code_;
    if (none() || other.none()) return other.none();
    return older(order, sense, voxel(), other.voxel());
  }

 private:
  std::uint32_t code_ = 0;
};

template <class Key, int D> class MergeTree {
 public:
  // Labels all voxels.  Node 0 is the outside.
  void build(const Order<Key>& order, const Grid<D>& grid, Sense sense, Interrupt& interrupt) {
    order_ = &order;
    grid_ = &grid;
    sense_ = sense;
    extrema_.assign(1, 0);  // place 0 is outside
    label_.reserve(grid.places());
    std::fill_n(label_.data(), grid.places(), 0);
    interrupt.poll();
    beside_ = sense == Sense::up ? grid.edge : grid.neighbour;
    beside_count_ = sense == Sense::up ? Grid<D>::kEdges : Grid<D>::kNeighbours;
    point(interrupt);
    resolve();
  }

  // Extrema by node, the outside first.
  const std::vector<Place>& extrema() const { return extrema_; }
  std::int32_t node_at(Place extremum) const { return label_[static_cast<std::size_t>(extremum)]; }

  // Sweeps; calls visit(voxel, dead) wherever two components meet.  dead[k] is the extremum of
  // order k that dies there, or kNone if what dies is no extremum.
  template <std::size_t N, class Visit>
  void sweep(const Order<Key>* const (&orders)[N], Interrupt& interrupt, Visit visit) {
    const std::size_t nodes = extrema_.size();
    parent_.resize(nodes);
    for (std::size_t i = 0; i < nodes; ++i) parent_[i] = static_cast<std::int32_t>(i);
    oldest_.assign(nodes * N, Cell());
    for (std::size_t k = 0; k < N; ++k) {
      oldest_[k] = Cell::outside();
      const bool own = orders[k] == order_;
      if (!own) find_arrivals(*orders[k], arrivals_[k], interrupt);
      for (std::size_t i = 1; i < nodes; ++i) {
        oldest_[i * N + k] = own ? Cell(extrema_[i], true) : arrivals_[k][static_cast<std::size_t>(extrema_[i])];
      }
    }
    collect(orders, interrupt);

    const auto take = [&](std::int32_t node, std::size_t k, Cell cell) {
      Cell& best = oldest_[static_cast<std::size_t>(node) * N + k];
      if (cell.older_than(best, *orders[k], sense_)) best = cell;
    };
    const auto join = [&](Place voxel, std::int32_t a, std::int32_t b) {
      Place dead[N];
      for (std::size_t k = 0; k < N; ++k) {
        Cell &of_a = oldest_[static_cast<std::size_t>(a) * N + k];
        Cell &of_b = oldest_[static_cast<std::size_t>(b) * N + k];
        if (of_b.older_than(of_a, *orders[k], sense_)) std::swap(of_a, of_b);
        dead[k] = of_b.last() ? of_b.voxel() : kNone;
      }
      parent_[static_cast<std::size_t>(b)] = a;
      visit(voxel, dead);
    };

    const std::size_t count = visits_.size();
    scratch_.reserve(count);
    const Keyed<Key>* sorted = radix_sort(visits_.data(), scratch_.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 65536 == 0) interrupt.poll();
      const std::size_t at = sense_ == Sense::up ? i : count - 1 - i;
      const auto v = static_cast<Place>(sorted[at].index());
      if (sense_ == Sense::up) {
        visit_up(v, orders, take, join);
      } else {
        visit_down(v, orders, take, join);
      }
    }
  }

  // The extremum that is left when all is joined; not the outside, where that is left too.
  Place survivor() const {
    Place best = kNone;
    for (std::size_t i = 1; i < extrema_.size(); ++i) {
      if (best == kNone || older(*order_, sense_, extrema_[i], best)) best = extrema_[i];
    }
    return best;
  }

 private:
  template <class Visit> void for_each_voxel(Interrupt& interrupt, Visit visit) {
    grid_->for_each_row([&](Place first, std::int64_t row) {
      if (row % 256 == 0) interrupt.poll();
      for (Place v = first; v < first + static_cast<Place>(grid_->width()); ++v) visit(v);
    });
  }

  // Every voxel takes the label of an older neighbour; where that comes later in the raster it
  // takes the complement of its place.
  void point(Interrupt& interrupt) {
    std::int32_t* label = label_.data();
    for_each_voxel(interrupt, [&](Place v) {
      int i = 0;
      while (i < beside_count_ && older(*order_, sense_, v, v + beside_[i])) ++i;
      if (i == beside_count_) {
        label[v] = static_cast<std::int32_t>(extrema_.size());
        extrema_.push_back(v);
      } else {
        label[v] = beside_[i] < 0 ? label[v + beside_[i]] : ~(v + beside_[i]);
      }
    });
  }

  // Replaces the complements.  The way back along a path writes its end to all of it.
  void resolve() {
    std::int32_t* label = label_.data();
    for (std::size_t i = grid_->places(); i-- > 0;) {
      if (label[i] >= 0) continue;
      Place end = ~label[i];
      while (label[end] < 0) end = ~label[end];
      const std::int32_t found = label[end];
      for (auto at = static_cast<Place>(i); label[at] < 0;) {
        const Place next = ~label[at];
        label[at] = found;
        at = next;
      }
    }
  }

  // By voxel, the oldest in a foreign order of the cells that enter with it.
  void find_arrivals(const Order<Key>& foreign, Buffer<Cell>& arrivals, Interrupt& interrupt) {
    Cell* out = arrivals.reserve(grid_->places());
    if (sense_ == Sense::up) {
      for_each_voxel(interrupt, [&](Place v) { out[v] = Cell(v, true); });
      return;
    }
    std::fill_n(out, grid_->places(), Cell());
    const auto& corners = grid_->top[Grid<D>::kTops - 1].corner;  // of the cell ahead
    grid_->for_each_top([&](Place first, Place end) {
      interrupt.poll();
      for (Place top = first; top < end; ++top) {
        Place last = top, foreign_last = top;
        for (const Place corner : corners) {
          if (order_->less(last, top + corner)) last = top + corner;
          if (foreign.less(foreign_last, top + corner)) foreign_last = top + corner;
        }
        const Cell cell(foreign_last, foreign_last == top);
        if (cell.older_than(out[last], foreign, sense_)) out[last] = cell;
      }
    });
  }

  // Voxels beside which paths of more than one end begin, and those with a cell that may be the
  // oldest of its component in a foreign order.
  template <std::size_t N>
  void collect(const Order<Key>* const (&orders)[N], Interrupt& interrupt) {
    visits_.clear();
    const std::int32_t* label = label_.data();
    for_each_voxel(interrupt, [&](Place v) {
      if (meets(v, label) || arrives(v, orders)) {
        visits_.push_back(Keyed<Key>::make(order_->key(v), static_cast<std::uint32_t>(v)));
      }
    });
  }

  bool meets(Place v, const std::int32_t* label) const {
    std::int32_t differ = 0;
    for (int i = 0; i < beside_count_; ++i) differ |= label[v] ^ label[v + beside_[i]];
    if (differ == 0) return false;
    // Its own label is that of one older neighbour; an extremum has none.
    for (int i = 0; i < beside_count_; ++i) {
      const Place u = v + beside_[i];
      if (label[u] != label[v] && older(*order_, sense_, u, v)) return true;
    }
    return false;
  }

  template <std::size_t N> bool arrives(Place v, const Order<Key>* const (&orders)[N]) const {
    for (std::size_t k = 0; k < N; ++k) {
      if (orders[k] == order_) continue;
      const Cell* arrivals = arrivals_[k].data();
      if (arrivals[v].none()) continue;
      bool outdone = false;
      for (int i = 0; i < beside_count_ && !outdone; ++i) {
        const Place u = v + beside_[i];
        if (!older(*order_, sense_, u, v)) continue;
        outdone = label_[static_cast<std::size_t>(u)] == 0 || !arrivals[v].older_than(arrivals[u], *orders[k], sense_);
      }
      if (!outdone) return true;
    }
    return false;
  }

  std::int32_t find(std::int32_t node) {
    std::int32_t* parent = parent_.data();
    while (parent[node] != node) node = parent[node] = parent[parent[node]];
    return node;
  }
  std::int32_t component(Place place) { return find(label_[static_cast<std::size_t>(place)]); }

  // The first edge of a voxel takes it into a component, others may join components.
  template <std::size_t N, class Take, class Join>
  void visit_up(Place v, const Order<Key>* const (&)[N], Take take, Join join) {
    std::int32_t own = -1;
    for (const Place step : grid_->edge) {
      if (!order_->less(v + step, v)) continue;
      const std::int32_t other = component(v + step);
      if (own < 0) {
        own = other;
        for (std::size_t k = 0; k < N; ++k) take(own, k, Cell(v, true));
      } else if (own != other) {
        join(v, own, other);
        own = find(own);
      }
    }
  }

  // Top cells that enter with the voxel itself are younger than all components and not among
  // the nodes: here they are the negative numbers.
  template <std::size_t N, class Take, class Join>
  void visit_down(Place v, const Order<Key>* const (&orders)[N], Take take, Join join) {
    constexpr int kTops = Grid<D>::kTops;
    if (node_at(v) != 0 && extrema_[static_cast<std::size_t>(node_at(v))] == v) return;
    std::int32_t at[kTops];
    Cell cells[kTops][N];
    for (int t = 0; t < kTops; ++t) {
      Place last = v;
      for (const Place corner : grid_->top[t].corner) {
        if (order_->less(last, v + corner)) last = v + corner;
      }
      at[t] = last == v ? -1 - t : component(last);
      if (last != v) continue;
      for (std::size_t k = 0; k < N; ++k) {
        Place foreign_last = v, first = v;
        for (const Place corner : grid_->top[t].corner) {
          if (orders[k]->less(foreign_last, v + corner)) foreign_last = v + corner;
          first = std::min(first, v + corner);
        }
        cells[t][k] = Cell(foreign_last, foreign_last == first);
      }
    }
    for (int f = Grid<D>::kFacets - 1; f >= 0; --f) {
      const auto& facet = grid_->facet[f];
      bool enters_here = true;
      for (const Place corner : facet.corner) enters_here &= order_->less(v + corner, v);
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
        for (std::size_t k = 0; k < N; ++k) take(a, k, cells[t][k]);
      }
    }
  }

  const Order<Key>* order_ = nullptr;
  const Grid<D>* grid_ = nullptr;
  Sense sense_ = Sense::up;
  const Place* beside_ = nullptr;
  int beside_count_ = 0;
  std::vector<Place> extrema_;
  Buffer<std::int32_t> label_;
  Buffer<Cell> arrivals_[3];
  std::vector<Keyed<Key>> visits_;
  Buffer<Keyed<Key>> scratch_;
  std::vector<std::int32_t> parent_;
  std::vector<Cell> oldest_;
};

}  // namespace topoeval::matching
