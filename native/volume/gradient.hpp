// The gradient pass: from the array to a record per voxel and the critical voxels by kind.
//
// Keys are made three planes at a time, so the array is never held twice.  A voxel that the row
// kernel cannot prove regular is looked up in the table of lower stars.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/field.hpp"
#include "../common/keys.hpp"
#include "../common/team.hpp"
#include "grid.hpp"
#include "lower_star.hpp"
#include "place_set.hpp"
#include "row_kernel.hpp"

namespace topoeval::volume {

// A slab of whole planes, for one task of a team; and how much lies before it.
struct Slab {
  std::int64_t first_plane, last_plane;
  std::size_t first_edge, first_square;  // critical ones in earlier slabs
};

// Which critical cells are listed: edges up to a key, squares from a key on.
template <class Key> struct Listed {
  Key last_edge = kAboveAll<Key>, first_square = kBelowAll<Key>;
};

template <class Key> class Gradient {
 public:
  void compute(const Field<Key>& field, const Grid& grid, const Listed<Key>& listed, Team& team);

  // The voxels whose whole neighbourhood is higher or lower, and those with listed critical edges or
  // critical squares.  A voxel may have both of the latter, and several of each.
  PlaceSet minima, maxima, edge_voxels, square_voxels;
  std::size_t critical_edges = 0, critical_squares = 0;
  std::vector<Slab> slabs;

  Voxel<Key>* voxels() { return voxels_.data(); }
  const Voxel<Key>* voxels() const { return voxels_.data(); }

  std::size_t bytes() const {
    return voxels_.bytes() + seams_.bytes() + minima.bytes() + maxima.bytes() +
           edge_voxels.bytes() + square_voxels.bytes();
  }

  // Voxels whose words are exchanged later must be known to the sets with either word: admit all, and
  // number the sets anew.  A place of a set need not be critical, and an extremum no path meets is
  // in nobody's way.  Their critical cells are all listed.
  void admit(Place place, std::uint32_t bits) { add(place, bits & kAllNeighbours, true, true); }
  void number() {
    for (PlaceSet* set : {&minima, &maxima, &edge_voxels, &square_voxels}) set->number();
  }
  // Changes the word of a voxel for another, and returns the one it had.
  std::uint32_t exchange(const Grid& grid, Place place, std::uint32_t bits);

  void make_negative_if(bool wanted, Place place, std::uint32_t edge) {
    voxels_[place].make_negative_if(wanted, static_cast<int>(edge));
  }

  // Words of the place sets that belong to a slab.
  std::size_t first_word(const Slab& slab, const Grid& grid) const {
    return static_cast<std::size_t>((slab.first_plane + 1) * grid.plane() / 64);
  }
  std::size_t last_word(const Slab& slab, const Grid& grid) const {
    return static_cast<std::size_t>((slab.last_plane + 1) * grid.plane() / 64);
  }

 private:
  void fill_border(const Grid& grid, std::int64_t plane);
  void load_seams(const Field<Key>& field, const Grid& grid, Team& team);
  const Key* seam(std::int64_t plane, std::size_t size) const;
  void compute_slab(const Field<Key>& field, const Grid& grid, Slab& slab, Interrupt& interrupt);
  void load_plane(const Field<Key>& field, const Grid& grid, std::int64_t plane, Key* keys) const;
  void classify_row(Place first, std::int64_t width, const std::uint8_t* candidates, Slab& slab);
  // Returns how many critical edges and squares there are.
  std::pair<std::size_t, std::size_t> add(Place place, std::uint32_t lower, bool edges_listed,
                                          bool squares_listed);

  // The outside: above every voxel, or below every voxel on a reversed grid.
  static Voxel<Key> outside(const Grid& grid) {
    return grid.reversed() ? Voxel<Key>{kBelowAll<Key>, 0}
                           : Voxel<Key>{kAboveAll<Key>, kAllNeighbours};
  }

  Listed<Key> listed_;
  Buffer<Voxel<Key>> voxels_;
  std::int64_t thickness_ = 0;  // of a slab, the last one perhaps less
  Buffer<Key> seams_;
};

template <class Key>
void Gradient<Key>::compute(const Field<Key>& field, const Grid& grid, const Listed<Key>& listed,
                            Team& team) {
  listed_ = listed;
  voxels_.reserve(grid.places());
  for (PlaceSet* set : {&minima, &maxima, &edge_voxels, &square_voxels}) set->clear(grid.places());

  // More slabs than threads, so that one slow thread does not hold up the rest.
  const std::int64_t wanted = team.threads() == 1 ? 1 : 4 * team.threads();
  thickness_ = std::max<std::int64_t>(4, (grid.depth() + wanted - 1) / wanted);
  slabs.clear();
  for (std::int64_t plane = 0; plane < grid.depth(); plane += thickness_) {
    slabs.push_back({plane, std::min(plane + thickness_, grid.depth()), 0, 0});
  }
  load_seams(field, grid, team);
  fill_border(grid, -1);
  fill_border(grid, grid.depth());
  team.run(static_cast<std::int64_t>(slabs.size()), [&](std::int64_t task, int) {
    compute_slab(field, grid, slabs[static_cast<std::size_t>(task)], team.interrupt());
  });

  critical_edges = critical_squares = 0;
  for (Slab& slab : slabs) {
    const std::size_t edges = slab.first_edge, squares = slab.first_square;
    slab.first_edge = critical_edges;
    slab.first_square = critical_squares;
    critical_edges += edges;
    critical_squares += squares;
  }
  number();
}

template <class Key>
std::uint32_t Gradient<Key>::exchange(const Grid& grid, Place place, std::uint32_t bits) {
  const std::uint32_t old = voxels_[place].bits;
  voxels_[place].bits = bits;
  const LowerStarTable& table = LowerStarTable::get();
  // Differences of counts; unsigned numbers wrap around.
  const auto more = [&](std::uint32_t (LowerStarTable::*cells)(std::uint32_t) const) {
    return static_cast<std::size_t>(count_bits((table.*cells)(bits & kAllNeighbours))) -
           static_cast<std::size_t>(count_bits((table.*cells)(old & kAllNeighbours)));
  };
  const std::size_t edges = more(&LowerStarTable::critical_edges),
                    squares = more(&LowerStarTable::critical_squares);
  critical_edges += edges;
  critical_squares += squares;
  auto slab = static_cast<std::size_t>((grid.position(place).z - 1) / thickness_);
  while (++slab < slabs.size()) {
    slabs[slab].first_edge += edges;
    slabs[slab].first_square += squares;
  }
  return old;
}

// Two planes on either side of where slabs meet belong to both.  They are read once, as all others
// are: then every slab sees the same array, even if somebody writes to it meanwhile.
template <class Key>
void Gradient<Key>::load_seams(const Field<Key>& field, const Grid& grid, Team& team) {
  const auto size = static_cast<std::size_t>(grid.plane());
  const std::size_t count = 2 * (slabs.size() - 1);
  Key* seams = seams_.reserve(count * size);
  team.run(static_cast<std::int64_t>(count), [&](std::int64_t i, int) {
    team.interrupt().poll();
    const std::int64_t plane = (i / 2 + 1) * thickness_ - 1 + i % 2;
    load_plane(field, grid, plane, seams + static_cast<std::size_t>(i) * size);
  });
}

// Null for a plane that only one slab needs.
template <class Key>
const Key* Gradient<Key>::seam(std::int64_t plane, std::size_t size) const {
  const std::int64_t slab = plane / thickness_, within = plane % thickness_;
  if (within == 0 && slab > 0) return seams_.data() + static_cast<std::size_t>(2 * slab - 1) * size;
  if (within == thickness_ - 1 && slab + 1 < static_cast<std::int64_t>(slabs.size())) {
    return seams_.data() + static_cast<std::size_t>(2 * slab) * size;
  }
  return nullptr;
}

template <class Key> void Gradient<Key>::fill_border(const Grid& grid, std::int64_t plane) {
  Voxel<Key>* voxels = voxels_.data() + (plane + 1) * grid.plane();
  std::fill(voxels, voxels + grid.plane(), outside(grid));
}

// Keys of one plane with its border.  On a reversed grid the array is read from its end and
// upside down, which reverses the order of the voxels, ties included.
template <class Key>
void Gradient<Key>::load_plane(const Field<Key>& field, const Grid& grid, std::int64_t plane,
                               Key* keys) const {
  const Key border = outside(grid).key;
  if (plane < 0 || plane >= grid.depth()) {
    std::fill(keys, keys + grid.plane(), border);
    return;
  }
  std::fill(keys, keys + grid.row(), border);
  for (std::int64_t y = 0; y < grid.height(); ++y) {
    Key* row = keys + (y + 1) * grid.row();
    row[0] = row[grid.width() + 1] = border;
    if (grid.reversed()) {
      field.load_row(grid.depth() - 1 - plane, grid.height() - 1 - y, row + 1);
      std::reverse(row + 1, row + 1 + grid.width());
      for (std::int64_t x = 1; x <= grid.width(); ++x) row[x] = static_cast<Key>(~row[x]);
    } else {
      field.load_row(plane, y, row + 1);
    }
  }
  std::fill(keys + (grid.height() + 1) * grid.row(), keys + grid.plane(), border);
}

template <class Key>
void Gradient<Key>::compute_slab(const Field<Key>& field, const Grid& grid, Slab& slab,
                                 Interrupt& interrupt) {
  Buffer<Key> memory;
  const auto plane_size = static_cast<std::size_t>(grid.plane());
  Key* planes[3];
  planes[0] = memory.reserve(3 * plane_size);
  planes[1] = planes[0] + plane_size;
  planes[2] = planes[1] + plane_size;
  const auto take_plane = [&](std::int64_t plane, Key* keys) {
    const Key* shared = plane < 0 || plane >= grid.depth() ? nullptr : seam(plane, plane_size);
    if (shared != nullptr) {
      std::copy_n(shared, plane_size, keys);
    } else {
      load_plane(field, grid, plane, keys);
    }
  };
  take_plane(slab.first_plane - 1, planes[0]);
  take_plane(slab.first_plane, planes[1]);
  const RowKernel<Key> compare_row = row_kernel<Key>();
  // A little longer than a row: candidates are looked at eight at a time.
  std::vector<std::uint8_t> candidates(static_cast<std::size_t>(grid.width()) + 8, 0);

  for (std::int64_t plane = slab.first_plane; plane < slab.last_plane; ++plane) {
    take_plane(plane + 1, planes[2]);
    fill_border(grid, plane);
    for (std::int64_t y = 1; y <= grid.height(); ++y) {
      interrupt.poll();
      const Key* rows[9];
      for (int dz = 0; dz < 3; ++dz) {
        for (int dy = 0; dy < 3; ++dy)
          rows[3 * dz + dy] = planes[dz] + (y + dy - 1) * grid.row() + 1;
      }
      const auto first = static_cast<Place>((plane + 1) * grid.plane() + y * grid.row() + 1);
      compare_row(rows, grid.width(), voxels_.data() + first, candidates.data());
      classify_row(first, grid.width(), candidates.data(), slab);
    }
    std::rotate(planes, planes + 1, planes + 3);
  }
}

template <class Key>
void Gradient<Key>::classify_row(Place first, std::int64_t width, const std::uint8_t* candidates,
                                 Slab& slab) {
  for (std::int64_t x = 0; x < width; x += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, candidates + x, 8);
    for (; eight != 0; eight &= eight - 1) {
      const Place place = first + static_cast<Place>(x + lowest_bit(eight) / 8);
      const Key key = voxels_[place].key;
      const auto [edges, squares] = add(place, voxels_[place].lower(), key <= listed_.last_edge,
                                        key >= listed_.first_square);
      slab.first_edge += edges;
      slab.first_square += squares;
    }
  }
}

template <class Key>
std::pair<std::size_t, std::size_t> Gradient<Key>::add(Place place, std::uint32_t lower,
                                                       bool edges_listed, bool squares_listed) {
  const LowerStarTable& table = LowerStarTable::get();
  const std::uint32_t edges = edges_listed ? table.critical_edges(lower) : 0;
  const std::uint32_t squares = squares_listed ? table.critical_squares(lower) : 0;
  minima.add(place, (lower & kEdgeBits) == 0);
  maxima.add(place, lower == kAllNeighbours);
  edge_voxels.add(place, edges != 0);
  square_voxels.add(place, squares != 0);
  return {static_cast<std::size_t>(count_bits(edges)),
          static_cast<std::size_t>(count_bits(squares))};
}

}  // namespace topoeval::volume
