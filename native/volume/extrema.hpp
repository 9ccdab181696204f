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
  Place ends[2];  // where its two paths begin, later nodes of the union-find
  Place place;
  std::uint16_t cell;  // the edge, or the square within its kind
  bool joins;          // two classes, as pair() finds out
};

// Which saddles there are and in which order: all, by their keys.
template <class Key> struct EverySaddle {
  Key order(Key key) const { return key; }       // instead of the key; keeps what take() says
  bool take(Key) const { return true; }  // are those of this key followed, and do they join?
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

  // noted: how many places may have notes, 0 for none (traces.hpp).
  void prepare(const Gradient<Key>& gradient, std::size_t noted) {
    notes_.clear(noted);
    sorted_ = nullptr;
    count_ = kind_ == kMinima ? gradient.critical_edges : gradient.critical_squares;
    saddles_.reserve(count_);
    order_.reserve(count_);
  }

  // Fills in the saddles of one slab.
  template <class Rule = EverySaddle<Key>>
  void trace(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab,
             Interrupt& interrupt, Rule rule = {}) {
    if (kind_ == kMinima) {
      const std::size_t count = list_edges(gradient, grid, slab, interrupt, rule);
      follow<Descent>(gradient, grid, slab.first_edge, count, interrupt, rule);
    } else {
      const std::size_t count = list_squares(gradient, grid, slab, interrupt, rule);
      follow<Ascent>(gradient, grid, count_ - slab.first_square - count, count, interrupt, rule);
    }
  }

  // Joins saddle by saddle; calls emit(birth, death) for each pair of unlike value.  Returns
  // the extremum that lives forever; meaningless if that is the outside.  Of saddles that are not
  // taken nothing changes.
  template <class Emit, class Rule = EverySaddle<Key>>
  Place pair(const Gradient<Key>& gradient, Interrupt& interrupt, Emit emit, Rule rule = {});

  std::size_t bytes() const {
    return saddles_.bytes() + order_.bytes() + scratch_.bytes() + tree_.bytes() + places_.bytes();
  }
  void release() {
    saddles_ = {};
    order_ = {};
    scratch_ = {};
    tree_ = {};
    places_ = {};
  }

 private:
  // Of a record of order_.
  Key key_of(const Keyed<Key>& record) const {
    return kind_ == kMinima ? record.key() : static_cast<Key>(~record.key());
  }

  const PlaceSet& extrema(const Gradient<Key>& gradient) const {
    return kind_ == kMinima ? gradient.minima : gradient.maxima;
  }

  // Both return how many saddles there are in the slab.  The first edge of a voxel is paired
  // with the voxel, so the path from one end of every critical edge leaves the voxel along it.
  template <class Rule>
  std::size_t list_edges(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab,
                         Interrupt& interrupt, Rule rule) {
    const LowerStarTable& table = LowerStarTable::get();
    const Voxel<Key>* voxels = gradient.voxels();
    std::size_t i = slab.first_edge;
    interrupt.poll();
    gradient.edge_voxels.for_each(
        gradient.first_word(slab, grid), gradient.last_word(slab, grid), [&](Place place) {
          const Voxel<Key> voxel = voxels[place];
          for_each_bit(table.critical_edges(voxel.lower()), [&](int edge) {
            const Place first = place + grid.offset(lowest_bit(voxel.lower() & kEdgeBits));
            saddles_[i] = {{first, place + grid.offset(edge)}, place,
                           static_cast<std::uint16_t>(edge), false};
            order_[i] = Keyed<Key>::make(rule.order(voxel.key), static_cast<std::uint32_t>(i));
            ++i;
          });
        });
    return i - slab.first_edge;
  }

  template <class Rule>
  std::size_t list_squares(const Gradient<Key>& gradient, const Grid& grid, const Slab& slab,
                           Interrupt& interrupt, Rule rule) {
    const LowerStarTable& table = LowerStarTable::get();
    const Voxel<Key>* voxels = gradient.voxels();
    // From the last to the first and by the complement of the key: a descending order.
    std::size_t i = count_ - slab.first_square;
    interrupt.poll();
    gradient.square_voxels.for_each(
        gradient.first_word(slab, grid), gradient.last_word(slab, grid), [&](Place place) {
          const Voxel<Key> voxel = voxels[place];
          const Exits* exits = table.exits(voxel.lower());
          // The cube of an exit is not in the lower star: one of its corners is higher.
          const auto start = [&](int cube) {
            return place + grid.offset(highest_bit(cube_neighbours(cube) & ~voxel.bits));
          };
          for_each_bit(table.critical_squares(voxel.lower()), [&](int square) {
            --i;
            saddles_[i] = {{start(exits->cube[0]), start(exits->cube[1])}, place,
                           static_cast<std::uint16_t>(square), false};
            order_[i] = Keyed<Key>::make(static_cast<Key>(~rule.order(voxel.key)),
                                         static_cast<std::uint32_t>(i));
            ++exits;
          });
        });
    return count_ - slab.first_square - i;
  }

  // Replaces the ends of saddles, where paths begin, by the nodes where they lead.
  template <class Path, class Rule>
  void follow(const Gradient<Key>& gradient, const Grid& grid, std::size_t first, std::size_t count,
              Interrupt& interrupt, Rule rule) {
    const PlaceSet& extrema = this->extrema(gradient);
    Tracer<Key, Path> tracer(grid, gradient.voxels(), notes_, interrupt);
    constexpr std::size_t kTogether = Tracer<Key, Path>::kTogether / 2;
    for (std::size_t i = 0; i < count; i += kTogether) {
      if (i % 4096 == 0) interrupt.poll();
      Saddle* saddles[kTogether];
      std::size_t some = 0;
      for (std::size_t j = i; j < std::min(i + kTogether, count); ++j) {
        if (rule.take(key_of(order_[first + j]))) saddles[some++] = &saddles_[first + j];
      }
      Place places[2 * kTogether];
      for (std::size_t j = 0; j < some; ++j) {
        places[2 * j] = saddles[j]->ends[0];
        places[2 * j + 1] = saddles[j]->ends[1];
      }
      tracer.trace(places, 2 * some);
      for (std::size_t j = 0; j < 2 * some; ++j) {
        // The border is in no set of extrema; it is node 0.
        const Place place = places[j];
        saddles[j / 2]->ends[j % 2] = extrema.contains(place) ? extrema.rank(place) + 1 : 0;
      }
    }
  }

  Kind kind_;
  std::size_t count_ = 0;
  Buffer<Saddle> saddles_;  // of maxima: from the last to the first
  Buffer<Keyed<Key>> order_, scratch_;
  const Keyed<Key>* sorted_ = nullptr;  // null before that
  PathNotes notes_;
  UnionFind<Key> tree_;
  Buffer<Place> places_;  // of the nodes
};

template <class Key>
template <class Emit, class Rule>
Place ExtremumPairing<Key>::pair(const Gradient<Key>& gradient, Interrupt& interrupt, Emit emit,
                                 Rule rule) {
  notes_.clear(0);
  const PlaceSet& extrema = this->extrema(gradient);
  const Voxel<Key>* voxels = gradient.voxels();
  const std::int32_t flip = kind_ == kMinima ? 0 : -1;

  tree_.reset();
  tree_.grow(extrema.size() + 1);
  Place* places = places_.reserve(extrema.size() + 1);
  std::int32_t node = 0;
  extrema.for_each([&](Place place) {
    tree_.make(++node, static_cast<Key>(voxels[place].key ^ static_cast<Key>(flip)));
    places[node] = place;
  });

  scratch_.reserve(count_);
  if (sorted_ == nullptr) sorted_ = radix_sort(order_.data(), scratch_.data(), count_);
  const Keyed<Key>* order = sorted_;
  constexpr std::size_t kFetchSaddle = 32, kFetchNodes = 16;
  for (std::size_t i = 0; i < count_; ++i) {
    if (i % 65536 == 0) interrupt.poll();
    if (i + kFetchSaddle < count_) prefetch(&saddles_[order[i + kFetchSaddle].index()]);
    if (i + kFetchNodes < count_) {
      const Saddle& soon = saddles_[order[i + kFetchNodes].index()];
      tree_.prefetch_parent(static_cast<std::int32_t>(soon.ends[0]));
      tree_.prefetch_parent(static_cast<std::int32_t>(soon.ends[1]));
    }
    if (!rule.take(key_of(order[i]))) continue;
    Saddle& saddle = saddles_[order[i].index()];
    const auto died = tree_.join(static_cast<std::int32_t>(saddle.ends[0]),
                                 static_cast<std::int32_t>(saddle.ends[1]), flip);
    if (died.node < 0) continue;
    saddle.joins = true;
    if (died.key == order[i].key()) continue;
    const Place place = places[died.node];
    if (kind_ == kMinima) {
      emit(place, saddle.place);
    } else {
      emit(saddle.place, place);
    }
  }
  return extrema.size() == 0 ? 0 : places[tree_.find(1).node()];
}

}  // namespace topoeval::volume
