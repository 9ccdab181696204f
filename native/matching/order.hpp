// The order in which voxels, and with them cells, enter a filtration.
//
// Voxels enter by (key, place).  A cell enters with the last of its corners; cells that enter
// with the same voxel are ordered by (dimension, number in the star).  This one rule holds for P,
// for G and for the comparison C, whose keys are the pointwise minima or maxima of theirs.  So
// if no voxel enters P before C, no cell does: sublevel sets are nested ties and all.
#pragma once

#include <algorithm>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/field.hpp"
#include "../common/interrupt.hpp"
#include "../common/keys.hpp"
#include "../common/radix_sort.hpp"
#include "grid.hpp"

namespace topoeval::matching {

// Keys on the padded grid.  The outside comes after every voxel, or on a reversed grid (T) before.
template <class Key> class Order {
 public:
  template <int D> void load(const Field<Key>& field, const Grid<D>& grid, Interrupt& interrupt) {
    prepare(grid);
    const std::int64_t width = grid.width();
    grid.for_each_row([&](Place first, std::int64_t row) {
      if (row % 256 == 0) interrupt.poll();
      Key* out = keys_.data() + first;
      if (grid.reversed()) {
        const std::int64_t from = grid.depth() * grid.height() - 1 - row;
        field.load_row(from / grid.height(), from % grid.height(), out);
        std::reverse(out, out + width);
        for (std::int64_t x = 0; x < width; ++x) out[x] = static_cast<Key>(~out[x]);
      } else {
        field.load_row(row / grid.height(), row % grid.height(), out);
      }
    });
  }

  template <int D>
  void combine(const Order& p, const Order& g, bool minimum, const Grid<D>& grid) {
    keys_.reserve(grid.places());
    const Key *a = p.keys_.data(), *b = g.keys_.data();
    Key* out = keys_.data();
    const auto places = static_cast<std::int64_t>(grid.places());
    if (minimum) {
      for (std::int64_t i = 0; i < places; ++i) out[i] = std::min(a[i], b[i]);
    } else {
      for (std::int64_t i = 0; i < places; ++i) out[i] = std::max(a[i], b[i]);
    }
  }

  // The least and the greatest key.
  template <int D> std::pair<Key, Key> range(const Grid<D>& grid) const {
    Key low = kAboveAll<Key>, high = kBelowAll<Key>;
    grid.for_each_row([&](Place first, std::int64_t) {
      const Key* keys = keys_.data() + first;
      for (std::int64_t x = 0; x < grid.width(); ++x) {
        low = std::min(low, keys[x]);
        high = std::max(high, keys[x]);
      }
    });
    return {low, high};
  }

  // Whether all keys are one of two.
  template <int D> bool is_either(Key a, Key b, const Grid<D>& grid) const {
    bool either = true;
    grid.for_each_row([&](Place first, std::int64_t) {
      const Key* keys = keys_.data() + first;
      bool row = true;
      for (std::int64_t x = 0; x < grid.width(); ++x) row &= (keys[x] == a) | (keys[x] == b);
      either &= row;
    });
    return either;
  }

  Key key(Place place) const { return keys_[static_cast<std::size_t>(place)]; }
  bool less(Place a, Place b) const {
    const Key u = key(a), v = key(b);
    return (u < v) | ((u == v) & (a < b));
  }

 private:
  template <int D> void prepare(const Grid<D>& grid) {
    keys_.reserve(grid.places());
    std::fill_n(keys_.data(), grid.places(), grid.reversed() ? kBelowAll<Key> : kAboveAll<Key>);
  }

  Buffer<Key> keys_;
};

// The positions of all voxels in one order, as integers from 1: all that comes after compares only
// these.  The outside has rank 0 where it comes first, else the rank after the last.
class Ranks {
 public:
  template <class Key, int D> void build(const Order<Key>& order, const Grid<D>& grid) {
    voxels_ = static_cast<std::uint32_t>(grid.voxels());
    rank_.reserve(grid.places());
    place_.reserve(grid.voxels() + 2);
    records_.reserve(grid.voxels());
    scratch_.reserve(grid.voxels());

    // Of wide keys only the upper half is sorted by digits, and what that leaves equal by itself.
    constexpr int kShift = sizeof(Key) == 8 ? 32 : 0;
    std::size_t count = 0;
    grid.for_each_row([&](Place first, std::int64_t) {
      for (Place v = first; v < first + static_cast<Place>(grid.width()); ++v) {
        records_[count++] = Keyed32::make(static_cast<std::int32_t>(order.key(v) >> kShift),
                                          static_cast<std::uint32_t>(v));
      }
    });
    Keyed32* sorted = radix_sort(records_.data(), scratch_.data(), count);
    if (kShift != 0) sort_equals(order, sorted, count);

    const std::uint32_t outside = grid.reversed() ? 0 : voxels_ + 1;
    std::fill_n(rank_.data(), grid.places(), static_cast<std::int32_t>(outside));
    place_[outside] = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t place = sorted[i].index();
      rank_[place] = static_cast<std::int32_t>(i + 1);
      place_[i + 1] = static_cast<Place>(place);
    }
  }

  // An order of two lots, one after the other, told apart by key: `early` comes first. Within a lot
  // voxels are as in other ranks, or, without such, in raster order.
  template <class Key, int D, class Early>
  void build_of_two(const Order<Key>& order, const Grid<D>& grid, Early early, const Ranks* first,
                    const Ranks* second) {
    voxels_ = static_cast<std::uint32_t>(grid.voxels());
    rank_.reserve(grid.places());
    place_.reserve(grid.voxels() + 2);
    std::uint32_t count = 1;
    for (const bool wanted : {true, false}) {
      const auto take = [&](Place v) {
        place_[count] = v;
        count += early(order.key(v)) == wanted;
      };
      if (const Ranks* ranks = wanted ? first : second) {
        for (std::uint32_t i = 1; i <= voxels_; ++i) take(ranks->place(i));
      } else {
        grid.for_each_row([&](Place begin, std::int64_t) {
          for (Place v = begin; v < begin + static_cast<Place>(grid.width()); ++v) take(v);
        });
      }
    }
    const std::uint32_t outside = grid.reversed() ? 0 : voxels_ + 1;
    std::fill_n(rank_.data(), grid.places(), static_cast<std::int32_t>(outside));
    for (std::uint32_t i = 1; i <= voxels_; ++i) {
      rank_[static_cast<std::size_t>(place_[i])] = static_cast<std::int32_t>(i);
    }
    place_[outside] = 0;
  }

  // The same order, but for places whose rank remove(ranks) sets to 0, that of nothing.
  template <int D, class Remove>
  void build_without(const Ranks& other, const Grid<D>& grid, Remove remove) {
    voxels_ = other.voxels_;
    std::copy_n(other.rank_.data(), grid.places(), rank_.reserve(grid.places()));
    std::copy_n(other.place_.data(), grid.voxels() + 2, place_.reserve(grid.voxels() + 2));
    place_[0] = 0;
    remove(rank_.data());
  }

  // The same order backwards.
  template <int D> void build_reversed(const Ranks& other, const Grid<D>& grid) {
    voxels_ = other.voxels_;
    rank_.reserve(grid.places());
    place_.reserve(grid.voxels() + 2);
    const auto last = static_cast<std::int32_t>(voxels_ + 1);
    for (std::size_t i = 0; i < grid.places(); ++i) rank_[i] = last - other.rank_[i];
    for (std::size_t i = 0; i < grid.voxels() + 2; ++i) place_[i] = other.place_[voxels_ + 1 - i];
  }

  // Signed, because that is what baseline x86-64 compares four at a time.
  const std::int32_t* data() const { return rank_.data(); }
  std::uint32_t rank(Place place) const {
    return static_cast<std::uint32_t>(rank_[static_cast<std::size_t>(place)]);
  }
  Place place(std::uint32_t rank) const { return place_[rank]; }

 private:
  template <class Key>
  static void sort_equals(const Order<Key>& order, Keyed32* records, std::size_t count) {
    for (std::size_t first = 0, last; first < count; first = last) {
      const std::uint32_t upper = records[first].unsigned_key();
      const Key key = order.key(static_cast<Place>(records[first].index()));
      bool differ = false;
      for (last = first + 1; last < count && records[last].unsigned_key() == upper; ++last) {
        differ |= order.key(static_cast<Place>(records[last].index())) != key;
      }
      if (!differ) continue;
      std::sort(records + first, records + last, [&](const Keyed32& a, const Keyed32& b) {
        return order.less(static_cast<Place>(a.index()), static_cast<Place>(b.index()));
      });
    }
  }

  std::uint32_t voxels_ = 0;
  Buffer<std::int32_t> rank_;
  Buffer<Place> place_;
  Buffer<Keyed32> records_, scratch_;
};

}  // namespace topoeval::matching
