// Persistence by the definition, as slow and plain as it comes, for comparison.
//
// Everything here works on ranks: voxels that all differ, in the order in which they enter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "common/engine.hpp"

namespace topoeval::fuzz {

// (dimension, birth voxel, death voxel), sorted before they are compared.
using Bar = std::tuple<int, std::int32_t, std::int32_t>;
using Bars = std::vector<Bar>;

class Witness {
 public:
  // rank: of each voxel in C order.  dimension: 2 or 3, of the array; an image has one plane.
  Witness(const std::int64_t (&shape)[3], int dimension, const std::vector<std::int32_t>& rank,
          Construction construction)
      : depth_(shape[0]), height_(shape[1]), width_(shape[2]), dimension_(dimension), rank_(rank),
        top_(construction == Construction::top_cells) {
    voxel_at_.resize(rank.size());
    for (std::size_t v = 0; v < rank.size(); ++v) {
      voxel_at_[static_cast<std::size_t>(rank[v])] = static_cast<std::int32_t>(v);
    }
  }

  // H0 by growing the components voxel by voxel.
  Bars components() const { return merge_tree(false); }

  // The highest dimension: its classes are the components of the complement, outside included, seen
  // backwards in time.
  Bars voids() const { return merge_tree(true); }

  // For each rank, how much the Euler characteristic changes when that voxel enters.
  std::vector<int> euler_changes() const {
    std::vector<int> changes(rank_.size(), 0);
    for_each_cell([&](int dim, std::int32_t rank, std::int64_t, std::int64_t, std::int64_t) {
      changes[static_cast<std::size_t>(rank)] += dim % 2 == 0 ? 1 : -1;
    });
    return changes;
  }

  // All dimensions, by reducing the boundary matrix of all cells.  Cubic in the worst case.
  Bars boundary_matrix() const;

 private:
  std::int64_t index(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return (z * height_ + y) * width_ + x;
  }

  Bars merge_tree(bool complement) const;

  // Calls visit(dimension, rank, c0, c1, c2) for every cell; c on the doubled grid, where
  // odd coordinates are those along which the cell extends.
  template <class Visit> void for_each_cell(Visit visit) const;

  std::int64_t depth_, height_, width_;
  int dimension_;
  const std::vector<std::int32_t>& rank_;
  std::vector<std::int32_t> voxel_at_;
  bool top_;
};

inline Bars Witness::merge_tree(bool complement) const {
  // V joins sets of vertices by edges, T sets of top cells by corners; complements just the
  // other way round.
  const bool diagonals = top_ != complement;
  const auto size = static_cast<std::int32_t>(rank_.size());
  const std::int32_t outside = size;
  std::vector<std::int32_t> parent(rank_.size() + 1), age(rank_.size() + 1);
  std::vector<bool> entered(rank_.size() + 1, false);
  for (std::int32_t v = 0; v <= size; ++v) parent[static_cast<std::size_t>(v)] = v;
  if (complement) {
    entered.back() = true;
    age.back() = -1;
  }
  const auto root = [&](std::int32_t v) {
    for (; parent[static_cast<std::size_t>(v)] != v; v = parent[static_cast<std::size_t>(v)]) {
      auto& up = parent[static_cast<std::size_t>(v)];
      up = parent[static_cast<std::size_t>(up)];
    }
    return v;
  };
  Bars bars;
  for (std::int32_t step = 0; step < size; ++step) {
    const std::int32_t r = complement ? size - 1 - step : step;
    const std::int32_t voxel = voxel_at_[static_cast<std::size_t>(r)];
    entered[static_cast<std::size_t>(voxel)] = true;
    age[static_cast<std::size_t>(voxel)] = step;
    const auto join = [&](std::int32_t neighbour) {
      if (!entered[static_cast<std::size_t>(neighbour)]) return;
      std::int32_t a = root(voxel), b = root(neighbour);
      if (a == b) return;
      if (age[static_cast<std::size_t>(b)] > age[static_cast<std::size_t>(a)]) std::swap(a, b);
      parent[static_cast<std::size_t>(a)] = b;  // a is the younger
      if (a == voxel) return;                   // it was born and died with this voxel
      if (complement) {
        bars.emplace_back(dimension_ - 1, voxel, a);
      } else {
        bars.emplace_back(0, a, voxel);
      }
    };
    const std::int64_t z = voxel / (height_ * width_), y = voxel / width_ % height_,
                       x = voxel % width_;
    const bool flat = dimension_ == 2;
    for (int dz = flat ? 0 : -1; dz <= (flat ? 0 : 1); ++dz)
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) {
          const int apart = dz * dz + dy * dy + dx * dx;
          if (apart == 0 || (apart > 1 && !diagonals)) continue;
          const bool inside = z + dz >= 0 && z + dz < depth_ && y + dy >= 0 && y + dy < height_ &&
                              x + dx >= 0 && x + dx < width_;
          if (inside) {
            join(static_cast<std::int32_t>(index(z + dz, y + dy, x + dx)));
          } else if (complement) {
            join(outside);
          }
        }
  }
  if (!complement) bars.emplace_back(0, voxel_at_[0], kNever);
  std::sort(bars.begin(), bars.end());
  return bars;
}

template <class Visit> void Witness::for_each_cell(Visit visit) const {
  const std::int64_t sides[3] = {depth_, height_, width_};
  std::int64_t ends[3];
  for (int axis = 0; axis < 3; ++axis) {
    ends[axis] = top_ ? 2 * sides[axis] + 1 : 2 * sides[axis] - 1;
  }
  if (dimension_ == 2) ends[0] = 1;  // an image has no third axis
  std::int64_t c[3];
  for (c[0] = 0; c[0] < ends[0]; ++c[0])
    for (c[1] = 0; c[1] < ends[1]; ++c[1])
      for (c[2] = 0; c[2] < ends[2]; ++c[2]) {
        int dim = 0;
        std::int64_t low[3], high[3];  // the voxels that decide when the cell enters
        for (int axis = 0; axis < 3; ++axis) {
          const bool extends = c[axis] % 2 != 0;
          dim += extends;
          low[axis] = (top_ && !extends ? c[axis] - 1 : c[axis]) / 2;
          if (top_ && c[axis] == 0) low[axis] = 0;
          high[axis] = std::min((top_ ? c[axis] : c[axis] + 1) / 2, sides[axis] - 1);
        }
        std::int32_t first = 0x7FFFFFFF, last = -1;
        for (std::int64_t z = low[0]; z <= high[0]; ++z)
          for (std::int64_t y = low[1]; y <= high[1]; ++y)
            for (std::int64_t x = low[2]; x <= high[2]; ++x) {
              const std::int32_t rank = rank_[static_cast<std::size_t>(index(z, y, x))];
              first = std::min(first, rank);
              last = std::max(last, rank);
            }
        visit(dim, top_ ? first : last, c[0], c[1], c[2]);
      }
}

inline Bars Witness::boundary_matrix() const {
  using Cell = std::tuple<std::int32_t, int, std::int64_t, std::int64_t, std::int64_t>;
  std::vector<Cell> cells;  // sorted as they enter: by rank, faces before what they bound
  for_each_cell([&](int dim, std::int32_t rank, std::int64_t a, std::int64_t b, std::int64_t c) {
    cells.emplace_back(rank, dim, a, b, c);
  });
  std::sort(cells.begin(), cells.end());
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::size_t> place;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    place[{std::get<2>(cells[i]), std::get<3>(cells[i]), std::get<4>(cells[i])}] = i;
  }

  std::map<std::size_t, std::vector<std::size_t>> reduced;  // by pivot
  std::vector<bool> paired(cells.size(), false);
  Bars bars;
  const auto voxel = [&](std::size_t i) {
    return voxel_at_[static_cast<std::size_t>(std::get<0>(cells[i]))];
  };
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::int64_t c[3] = {std::get<2>(cells[i]), std::get<3>(cells[i]), std::get<4>(cells[i])};
    std::vector<std::size_t> column;
    for (int axis = 0; axis < 3; ++axis) {
      if (c[axis] % 2 == 0) continue;
      for (int side = -1; side <= 1; side += 2) {
        column.push_back(place.at({c[0] + (axis == 0) * side, c[1] + (axis == 1) * side,
                                   c[2] + (axis == 2) * side}));
      }
    }
    std::sort(column.begin(), column.end());
    while (!column.empty() && reduced.count(column.back()) != 0) {
      std::vector<std::size_t> sum;
      const auto& other = reduced[column.back()];
      std::set_symmetric_difference(column.begin(), column.end(), other.begin(), other.end(),
                                    std::back_inserter(sum));
      column.swap(sum);
    }
    if (column.empty()) continue;
    const std::size_t pivot = column.back();
    paired[i] = paired[pivot] = true;
    if (std::get<0>(cells[pivot]) != std::get<0>(cells[i])) {
      bars.emplace_back(std::get<1>(cells[pivot]), voxel(pivot), voxel(i));
    }
    reduced[pivot] = std::move(column);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!paired[i]) bars.emplace_back(std::get<1>(cells[i]), voxel(i), kNever);
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

}  // namespace topoeval::fuzz
