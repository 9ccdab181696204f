// The critical cells that H1 is about, and numbers for them.
#pragma once

#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "place_set.hpp"

namespace topoeval::volume {

// A critical edge or square: a column to reduce, or one that may become a pivot.
struct Column {
  Place place;
  std::uint32_t cell;
};

// Numbers for the cells that can be pivots.  Most voxels have at most one, so the first of each
// is numbered by the rank of the voxel alone, which saves a read.
class Slots {
 public:
  // voxels: a set that contains the owners of all cells, which come in raster order.
  void build(const PlaceSet& voxels, const std::vector<Column>& cells) {
    voxels_ = &voxels;
    more_.resize(voxels.size());
    count_ = voxels.size();
    for (std::size_t first = 0, last; first < cells.size(); first = last) {
      const Place place = cells[first].place;
      more_[voxels.rank(place)] = static_cast<std::uint32_t>(count_);
      for (last = first + 1; last < cells.size() && cells[last].place == place;) ++last;
      count_ += last - first - 1;
    }
  }
  std::size_t size() const { return count_; }

  // Of one cell of a voxel, a mask of one bit, among those that can be pivots.
  std::size_t of(Place place, std::uint32_t cells, std::uint32_t cell) const {
    const std::uint32_t rank = voxels_->rank(place);
    const std::uint32_t earlier = cells & (cell - 1);
    if (earlier == 0) return rank;
    return more_[rank] + static_cast<std::size_t>(count_bits(earlier) - 1);
  }

 private:
  const PlaceSet* voxels_ = nullptr;
  std::vector<std::uint32_t> more_;
  std::size_t count_ = 0;
};

}  // namespace topoeval::volume
