// Every voxel with the extremum that its path leads to.
//
// The next voxel on a path is the oldest neighbour: upwards (H0) among those that share an
// edge, downwards among all, as top cells that touch in a corner are joined by cells that enter
// before the corner does.  The older of two voxels is the one of higher rank.
#pragma once

#include <algorithm>
#include <vector>

#include "order.hpp"

namespace topoeval::matching {

enum class Sense { up, down };

constexpr Place kNone = -1;

template <int D> class Basins {
 public:
  void build(const Ranks& ranks, const Grid<D>& grid, Sense sense, Interrupt& interrupt) {
    ranks_ = &ranks;
    grid_ = &grid;
    sense_ = sense;
    interrupt.poll();
    find_oldest_beside();
    interrupt.poll();
    find_labels();
  }

  // By label, the outside first.
  const std::vector<Place>& extrema() const { return extrema_; }
  // By place.
  const std::int32_t* label() const { return label_.data(); }
  bool is_extremum(Place v) const { return best_[static_cast<std::size_t>(v)] == ranks_->data()[v]; }

 private:
  // The highest rank in the neighbourhood of every voxel, itself included.
  void find_oldest_beside() {
    const std::int32_t* rank = ranks_->data();
    std::int32_t* out = best_.reserve(grid_->places());
    if (sense_ == Sense::up) {
      grid_->for_each_row([&](Place first, std::int64_t) {
      const Place end = first + static_cast<Place>(grid_->width());
        for (Place v = first; v < end; ++v) {
          std::int32_t best = rank[v];
          for (int i = 0; i < Grid<D>::kEdges; ++i) best = std::max(best, rank[v + grid_->edge[i]]);
          out[v] = best;
        }
      });
      return;
    }
    // Along one axis after the other.
    const auto places = static_cast<Place>(grid_->places());
    std::int32_t* along_x = work_[0].reserve(grid_->places());
    std::int32_t* along_y = D == 2 ? out : work_[1].reserve(grid_->places());
    for (Place v = 1; v + 1 < places; ++v) along_x[v] = std::max({rank[v - 1], rank[v], rank[v + 1]});
    const Place row = grid_->row(), plane = grid_->plane();
    for (Place v = row + 1; v + row + 1 < places; ++v) {
      along_y[v] = std::max({along_x[v - row], along_x[v], along_x[v + row]});
    }
    if (D == 2) return;
    for (Place v = plane + row + 1; v + plane + row + 1 < places; ++v) {
      out[v] = std::max({along_y[v - plane], along_y[v], along_y[v + plane]});
    }
  }

  // Every voxel takes the label of its oldest neighbour; where that comes later in the raster it
  // takes the complement of its place, until the end of the path is known.
  void find_labels() {
    extrema_.assign(1, 0);  // place 0 is outside
    std::int32_t* label = label_.reserve(grid_->places());
    std::fill_n(label, grid_->places(), 0);
    grid_->for_each_row([&](Place first, std::int64_t) {
      const Place end = first + static_cast<Place>(grid_->width());
      for (Place v = first; v < end; ++v) {
        const Place u = ranks_->place(static_cast<std::uint32_t>(best_[static_cast<std::size_t>(v)]));
        if (u == v) {
          label[v] = static_cast<std::int32_t>(extrema_.size());
          extrema_.push_back(v);
        } else {
          label[v] = u < v ? label[u] : ~u;
        }
      }
    });
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

  const Ranks* ranks_ = nullptr;
  const Grid<D>* grid_ = nullptr;
  Sense sense_ = Sense::up;
  std::vector<Place> extrema_;
  Buffer<std::int32_t> label_, best_, work_[2];
};

}  // namespace topoeval::matching
