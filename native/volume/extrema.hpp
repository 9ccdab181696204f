// H0 and H2: extrema paired with saddles by union-find.
//
// H0 of the core is the merge tree of the sublevel sets: critical edges in ascending order
// join the minima their two ends descend to, and the younger minimum dies.  H2 is the merge tree
// of the superlevel sets, 26-connected and with the outside: critical squares in
// descending order join the maxima that their two sides ascend to.
//
// An edge that joins nothing is positive: it gives birth to a loop.  A square that joins nothing
// is negative: it fills one.  There are as many of the one as of the other, for the whole is
// contractible, and they are all that H1 has to deal with.
#pragma once

#include "../common/buffer.hpp"
#include "../common/prefetch.hpp"
#include "../common/radix_sort.hpp"
#include "../common/union_find.hpp"
#include "gradient.hpp"
#include "traces.hpp"

namespace topoeval::volume {

// A critical edge or square and the two extrema it may join.
struct Saddle {
  std::int32_t ends[2];  // nodes of the union-find
  Place place;
  std::uint16_t cell;  // the edge, or the square within its kind
  bool joins;          // two classes, as pair() finds out
};

// One merge tree.  Node 0 is the outside, node i + 1 the ith extremum.
template <class Key> class ExtremumPairing {
 public:
  enum Kind { kMinima, kMaxima };
  explicit ExtremumPairing(Kind kind) : kind_(kind) {}

  // Saddles are numbered in raster order.
  std::size_t size() const { return count_; }
  const Saddle& saddle(std::size_t i) const {
    return saddles_[kind_ == kMinima ? i : count_ - 1 - i];
  }

  void prepare(const Gradient<Key>& gradient) {
    count_ = kind_ == kMinima ? gradient.critical_edges : gradient.critical_squares;
    saddles_.reserve(count_);
    order_.reserve(count_);
  }

  // Fills in the saddles of one slab.
  void trace(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab, Interrupt& interrupt) {
    if (kind_ == kMinima) {
      trace_edges(gradient, grid, slab, interrupt);
    } else {
      trace_squares(gradient, grid, slab, interrupt);
    }
  }

  // Joins saddle by saddle; calls emit(birth, death) for each pair of unlike value.  Returns
  // the extremum that lives forever; meaningless if that is the outside.
  template <class Emit>
  Place pair(const Gradient<Key>& gradient, Interrupt& interrupt, Emit emit);

  void release() {
    saddles_ = {};
    order_ = {};
    scratch_ = {};
    tree_ = {};
  }

 private:
  static constexpr Place kTieFlip = 0x80000000u;  // unsigned places as signed ties

  const PlaceSet& extrema(const Gradient<Key>& gradient) const {
    return kind_ == kMinima ? gradient.minima : gradient.maxima;
  }

  // The border is in no set of extrema; it is node 0.
  static std::int32_t node(const PlaceSet& extrema, Place place) {
    return extrema.contains(place) ? static_cast<std::int32_t>(extrema.rank(place) + 1) : 0;
  }

  void trace_edges(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab,
                   Interrupt& interrupt) {
    const LowerStarTable& table = LowerStarTable::get();
    const Voxel<Key>* voxels = gradient.voxels();
    Tracer<Key, Descent> tracer(grid, voxels, interrupt);
    std::size_t number = slab.first_edge, visited = 0;
    gradient.edge_voxels.for_each(
        gradient.first_word(slab, grid), gradient.last_word(slab, grid), [&](Place place) {
          if (++visited % 4096 == 0) interrupt.poll();
          const std::uint32_t lower = voxels[place].lower();
          const auto first = node(gradient.minima, tracer.trace(place));
          for_each_bit(table.critical_edges(lower), [&](int edge) {
            const auto other = node(gradient.minima, tracer.trace(place + grid.offset(edge)));
            saddles_[number] = {{first, other}, place, static_cast<std::uint16_t>(edge), false};
            order_[number] = Keyed<Key>::make(voxels[place].key, static_cast<std::uint32_t>(number));
            ++number;
          });
        });
  }

  void trace_squares(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab,
                     Interrupt& interrupt) {
    const LowerStarTable& table = LowerStarTable::get();
    const Voxel<Key>* voxels = gradient.voxels();
    Tracer<Key, Ascent> tracer(grid, voxels, interrupt);
    std::size_t number = slab.first_square, visited = 0;
    gradient.square_voxels.for_each(
        gradient.first_word(slab, grid), gradient.last_word(slab, grid), [&](Place place) {
          if (++visited % 4096 == 0) interrupt.poll();
          const std::uint32_t lower = voxels[place].lower();
          const LowerStar& star = table.star(lower);
          int nth = 0;
          for_each_bit(star.critical_squares, [&](int square) {
            const Exits& exits = table.exits(star, nth++);
            Saddle saddle{{0, 0}, place, static_cast<std::uint16_t>(square), false};
            for (int side = 0; side < 2; ++side) {
              // The cube is not in the lower star: one of its corners is higher.
              const std::uint32_t higher = cube_neighbours(exits.cube[side]) & ~lower;
              const Place start = place + grid.offset(highest_bit(higher));
              saddle.ends[side] = node(gradient.maxima, tracer.trace(start));
            }
            // From the last to the first and by the complement of the key: a descending order.
            const std::size_t i = count_ - 1 - number++;
            saddles_[i] = saddle;
            order_[i] = Keyed<Key>::make(static_cast<Key>(~voxels[place].key),
                                         static_cast<std::uint32_t>(i));
          });
        });
  }

  Kind kind_;
  std::size_t count_ = 0;
  Buffer<Saddle> saddles_;  // of maxima: from the last to the first
  Buffer<Keyed<Key>> order_, scratch_;
  UnionFind<Key> tree_;
};

template <class Key>
template <class Emit>
Place ExtremumPairing<Key>::pair(const Gradient<Key>& gradient, Interrupt& interrupt, Emit emit) {
  const PlaceSet& extrema = this->extrema(gradient);
  const Voxel<Key>* voxels = gradient.voxels();
  const Key flip = kind_ == kMinima ? Key(0) : Key(-1);
  const Place tie_flip = kind_ == kMinima ? kTieFlip : ~kTieFlip;

  tree_.reserve(extrema.size() + 1);
  tree_.make(0, kBelowAll<Key>, 0);
  std::int32_t id = 0;
  extrema.for_each([&](Place place) {
    const auto tie = static_cast<std::int32_t>(place ^ tie_flip);
    tree_.make(++id, static_cast<Key>(voxels[place].key ^ flip), tie);
  });

  scratch_.reserve(count_);
  const Keyed<Key>* order = radix_sort(order_.data(), scratch_.data(), count_);
  constexpr std::size_t kFetchSaddle = 32, kFetchNodes = 16;
  for (std::size_t i = 0; i < count_; ++i) {
    if (i % 65536 == 0) interrupt.poll();
    if (i + kFetchSaddle < count_) prefetch(&saddles_[order[i + kFetchSaddle].index()]);
    if (i + kFetchNodes < count_) {
      const Saddle& soon = saddles_[order[i + kFetchNodes].index()];
      tree_.prefetch_node(soon.ends[0]);
      tree_.prefetch_node(soon.ends[1]);
    }
    Saddle& saddle = saddles_[order[i].index()];
    const std::int32_t died = tree_.join(saddle.ends[0], saddle.ends[1]);
    if (died < 0) continue;
    saddle.joins = true;
    const Node<Key>& extremum = tree_[died];
    if (extremum.key == order[i].key()) continue;
    const Place place = static_cast<Place>(extremum.tie) ^ tie_flip;
    if (kind_ == kMinima) {
      emit(place, saddle.place);
    } else {
      emit(saddle.place, place);
    }
  }
  return extrema.size() == 0 ? 0 : static_cast<Place>(tree_[tree_.find(1)].tie) ^ tie_flip;
}

}  // namespace topoeval::volume
