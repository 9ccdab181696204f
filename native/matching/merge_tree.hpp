// The merge tree of one order, with the extrema of other orders carried along.
//
// Upwards (H0): sublevel components, joined by edges in ascending order; the younger minimum
// dies.  Downwards (H of the top dimension, by duality): components of the top cells above, the
// outside among them, joined by facets in descending order.
//
// Image persistence needs the same sweep with another order's notion of age: where two
// components meet in the order that is swept, the one whose oldest *foreign* extremum is younger
// loses that.  Only voxels where components meet matter, so the sweep visits these alone, as
// in a Morse complex: every voxel knows the extremum its path leads to, and a
// foreign extremum belongs to the component of the path from it.  It joins that component
// earlier than it should, but what is wrong before it is due would be a bar of length zero: of the
// order that is swept and the foreign one, the one in which things are born comes later.
#pragma once

#include <utility>
#include <vector>

#include "order.hpp"

namespace topoeval::matching {

enum class Sense { up, down };

constexpr Place kNone = -1;

// Whether an extremum a is older than b.
template <class Key> bool older(const Order<Key>& order, Sense sense, Place a, Place b) {
  return sense == Sense::up ? order.less(a, b) : order.less(b, a);
}

// Appends all minima or maxima of an order.
template <class Key, int D>
void find_extrema(const Order<Key>& order, const Grid<D>& grid, Sense sense, std::vector<Place>& out) {
  const Place* beside = sense == Sense::up ? grid.edge : grid.neighbour;
  const int count = sense == Sense::up ? Grid<D>::kEdges : Grid<D>::kNeighbours;
  grid.for_each_row([&](Place first, std::int64_t) {
    for (Place v = first; v < first + static_cast<Place>(grid.width()); ++v) {
      int i = 0;
      while (i < count && older(order, sense, v, v + beside[i])) ++i;
      if (i == count) out.push_back(v);
    }
  });
}

// The extrema of one order whose fate a sweep follows.
template <class Key> struct Family {
  const Order<Key>* order;
  const std::vector<Place>* extrema;  // null for the order that is swept
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
    if (sense == Sense::up) {
      point(grid.edge, Grid<D>::kEdges, interrupt);
      resolve();
      collect(grid.edge, Grid<D>::kEdges, interrupt);
    } else {
      point(grid.neighbour, Grid<D>::kNeighbours, interrupt);
      resolve();
      collect(grid.neighbour, Grid<D>::kNeighbours, interrupt);
    }
  }

  // Extrema by node, the outside first.
  const std::vector<Place>& extrema() const { return extrema_; }
  std::int32_t node_at(Place extremum) const { return label_[static_cast<std::size_t>(extremum)]; }

  // Sweeps; calls visit(voxel, dead) wherever two components meet.  dead[k] is the extremum of
  // family k that dies there, or kNone.
  template <std::size_t N, class Visit>
  void sweep(const Family<Key> (&families)[N], Interrupt& interrupt, Visit visit) {
    const std::size_t nodes = extrema_.size();
    parent_.resize(nodes);
    for (std::size_t i = 0; i < nodes; ++i) parent_[i] = static_cast<std::int32_t>(i);
    oldest_.assign(nodes * N, kNone);
    for (std::size_t k = 0; k < N; ++k) {
      if (families[k].extrema == nullptr) {
        for (std::size_t i = 0; i < nodes; ++i) oldest_[i * N + k] = extrema_[i];
        continue;
      }
      oldest_[k] = 0;  // the outside is there in every order
      for (Place extremum : *families[k].extrema) {
        Place& best = oldest_[static_cast<std::size_t>(node_at(extremum)) * N + k];
        if (best == kNone || older(*families[k].order, sense_, extremum, best)) best = extremum;
      }
    }

    const auto join = [&](Place voxel, std::int32_t a, std::int32_t b) {
      Place dead[N];
      Place *of_a = &oldest_[static_cast<std::size_t>(a) * N], *of_b = &oldest_[static_cast<std::size_t>(b) * N];
      for (std::size_t k = 0; k < N; ++k) {
        if (of_a[k] == kNone) std::swap(of_a[k], of_b[k]);
        if (of_b[k] != kNone && older(*families[k].order, sense_, of_b[k], of_a[k])) {
          std::swap(of_a[k], of_b[k]);
        }
        dead[k] = of_b[k];
      }
      parent_[static_cast<std::size_t>(b)] = a;
      visit(voxel, dead);
    };

    const std::size_t count = meetings_.size();
    scratch_.reserve(count);
    const Keyed<Key>* sorted = radix_sort(meetings_.data(), scratch_.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 65536 == 0) interrupt.poll();
      if (sense_ == Sense::up) {
        join_edges(static_cast<Place>(sorted[i].index()), join);
      } else {
        join_tops(static_cast<Place>(sorted[count - 1 - i].index()), join);
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
  // Every voxel takes the label of an older neighbour; where that comes later in the raster it
  // takes the complement of its place.
  void point(const Place* beside, int count, Interrupt& interrupt) {
    std::int32_t* label = label_.data();
    grid_->for_each_row([&](Place first, std::int64_t row) {
      if (row % 256 == 0) interrupt.poll();
      for (Place v = first; v < first + static_cast<Place>(grid_->width()); ++v) {
        int i = 0;
        while (i < count && older(*order_, sense_, v, v + beside[i])) ++i;
        if (i == count) {
          label[v] = static_cast<std::int32_t>(extrema_.size());
          extrema_.push_back(v);
        } else {
          label[v] = 2 * i < count ? label[v + beside[i]] : ~(v + beside[i]);
        }
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

  // Voxels beside which paths of more than one end begin.
  void collect(const Place* beside, int count, Interrupt& interrupt) {
    meetings_.clear();
    const std::int32_t* label = label_.data();
    grid_->for_each_row([&](Place first, std::int64_t row) {
      if (row % 256 == 0) interrupt.poll();
      for (Place v = first; v < first + static_cast<Place>(grid_->width()); ++v) {
        std::int32_t differ = 0;
        for (int i = 0; i < count; ++i) differ |= label[v] ^ label[v + beside[i]];
        if (differ == 0) continue;
        // Its own label is that of one older neighbour; an extremum has none, and no meeting.
        for (int i = 0; i < count; ++i) {
          const Place u = v + beside[i];
          if (label[u] != label[v] && older(*order_, sense_, u, v)) {
            meetings_.push_back(Keyed<Key>::make(order_->key(v), static_cast<std::uint32_t>(v)));
            break;
          }
        }
      }
    });
  }

  std::int32_t find(std::int32_t node) {
    std::int32_t* parent = parent_.data();
    while (parent[node] != node) node = parent[node] = parent[parent[node]];
    return node;
  }
  std::int32_t component(Place place) { return find(label_[static_cast<std::size_t>(place)]); }

  // The first edge of a voxel takes it into a component, others may join components.
  template <class Join> void join_edges(Place v, Join join) {
    std::int32_t own = -1;
    for (const Place step : grid_->edge) {
      if (!order_->less(v + step, v)) continue;
      const std::int32_t other = component(v + step);
      if (own < 0) {
        own = other;
      } else if (own != other) {
        join(v, own, other);
      }
    }
  }

  // Top cells that enter with the voxel itself are younger than all components and not among
  // the nodes: here they are the negative numbers.
  template <class Join> void join_tops(Place v, Join join) {
    constexpr int kTops = Grid<D>::kTops;
    std::int32_t at[kTops];
    for (int t = 0; t < kTops; ++t) {
      Place last = v;
      for (const Place corner : grid_->top[t].corner) {
        if (order_->less(last, v + corner)) last = v + corner;
      }
      at[t] = last == v ? -1 - t : component(last);
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
      } else {
        for (std::int32_t& top : at) top = top == b ? a : top;
      }
    }
  }

  const Order<Key>* order_ = nullptr;
  const Grid<D>* grid_ = nullptr;
  Sense sense_ = Sense::up;
  std::vector<Place> extrema_;
  Buffer<std::int32_t> label_;
  std::vector<Keyed<Key>> meetings_;
  Buffer<Keyed<Key>> scratch_;
  std::vector<std::int32_t> parent_;
  std::vector<Place> oldest_;
};

}  // namespace topoeval::matching
