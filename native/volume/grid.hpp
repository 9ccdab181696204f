// The padded grid on which everything in this folder walks.
//
// A border of one voxel, the "outside", surrounds the array, so no step ever needs a test for
// the array's end.  A place is a voxel's position in the padded grid: 32 bits unsigned.
// Places ascend in the same order as indices, so they settle ties alike.
//
// Planes begin at multiples of 64: sets of voxels are kept as words of 64 bits, and
// threads that work on different planes then never share a word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "star.hpp"

namespace topoeval::volume {

using Place = std::uint32_t;

class TooLarge : public std::invalid_argument {
 public:
  TooLarge() : std::invalid_argument("volume with a border of one voxel exceeds 2^32 places") {}
};

class Grid {
 public:
  // reversed: place order is descending index order, see Order in engine.hpp.
  Grid(std::int64_t depth, std::int64_t height, std::int64_t width, bool reversed)
      : depth_(depth), height_(height), width_(width), reversed_(reversed) {
    row_ = width + 2;
    std::int64_t words = ((height + 2) * row_ + 63) / 64;
    if (words > 64) words |= 1;  // for PathNotes
    plane_ = words * 64;
    // Dividing first keeps the test itself from overflowing.
    if (height + 2 > kMaxPlaces / row_ || depth + 2 > kMaxPlaces / plane_) throw TooLarge();
    per_plane_ = 1.0 / static_cast<double>(plane_);
    per_row_ = 1.0 / static_cast<double>(row_);
    for (int n = 0; n < kNeighbours; ++n) {
      const auto& step = kStar.step[n];
      offset_[n] = static_cast<Place>(step[2] * plane_ + step[1] * row_ + step[0]);
    }
  }

  std::int64_t depth() const { return depth_; }
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::int64_t row() const { return row_; }
  std::int64_t plane() const { return plane_; }
  std::size_t places() const { return static_cast<std::size_t>((depth_ + 2) * plane_); }
  bool reversed() const { return reversed_; }

  // What to add to a place to reach neighbour n; steps backwards wrap around, as unsigned
  // arithmetic does.
  Place offset(int n) const { return offset_[n]; }

  struct Position {
    std::int64_t z, y, x;  // within the padded grid: voxels begin at 1
  };
  // Divisions by way of reciprocals: half a unit off the integers, rounding cannot matter.
  Position position(Place place) const {
    const auto z = static_cast<std::int64_t>((place + 0.5) * per_plane_);
    const std::int64_t rest = place - z * plane_;
    const auto y = static_cast<std::int64_t>((static_cast<double>(rest) + 0.5) * per_row_);
    return {z, y, rest - y * row_};
  }

  // Where the voxel with this index in C order is.
  Place place(std::int64_t index) const {
    if (reversed_) index = depth_ * height_ * width_ - 1 - index;
    const std::int64_t r = index / width_;
    return static_cast<Place>((r / height_ + 1) * plane_ + (r % height_ + 1) * row_ +
                              index % width_ + 1);
  }

  // The index in C order of a voxel inside the array.
  std::int32_t index(Place place) const {
    const auto [z, y, x] = position(place);
    const std::int64_t index = ((z - 1) * height_ + (y - 1)) * width_ + (x - 1);
    return static_cast<std::int32_t>(reversed_ ? depth_ * height_ * width_ - 1 - index : index);
  }

 private:
  static constexpr std::int64_t kMaxPlaces = std::int64_t{1} << 32;

  std::int64_t depth_, height_, width_;
  bool reversed_;
  std::int64_t row_ = 0, plane_ = 0;
  double per_plane_ = 0, per_row_ = 0;
  Place offset_[kNeighbours] = {};
};

}  // namespace topoeval::volume
