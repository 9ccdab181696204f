// The discrete gradient of an image: one byte per pixel.
//
// Bit k of a mask says that neighbour k comes earlier in the filtration ("is lower"); the
// ring is N NE E SE S SW W NW.  Rows are padded by at least one byte, and a padded row
// lies above and below, so that paths run into the outside without a test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "../common/buffer.hpp"

namespace topoeval::image {

using Mask = std::uint8_t;

// A position in the padded array: rows of `stride` bytes, the first pixel at `stride`.
// The stride is a multiple of 64, so pixel x of a row is bit x % 64 of a word.
using Position = std::uint32_t;

// The two ways to go: along lower neighbours to a minimum, along higher ones to a maximum.
enum class Sense : std::uint8_t { down, up };

// What a mask says about its pixel.  Lower neighbours form pieces: 4-neighbours, linked by
// lower diagonals.  Piece j and the higher stretch of the ring after it each get a
// representative; where there are k >= 2 pieces, there are k stretches too.
struct Link {
  std::uint8_t pieces = 0;
  std::uint8_t lower[4] = {};
  std::uint8_t upper[4] = {};
  std::int8_t down = -1;  // any lower 4-neighbour: where a descending path goes
  std::int8_t up = -1;    // any higher neighbour: where an ascending path goes
};

class LinkTable {
 public:
  LinkTable() {
    for (int mask = 0; mask < 256; ++mask) links_[mask] = describe(static_cast<Mask>(mask));
  }
  const Link& operator[](Mask mask) const { return links_[mask]; }

 private:
  static Link describe(Mask mask) {
    const auto lower = [mask](int direction) { return (mask >> (direction & 7) & 1) != 0; };
    Link link;
    for (int d = 0; d < 8; ++d) {
      if (lower(d) && d % 2 == 0 && link.down < 0) link.down = static_cast<std::int8_t>(d);
      if (!lower(d) && link.up < 0) link.up = static_cast<std::int8_t>(d);
      // A piece ends at a 4-neighbour that is not linked to the next one.
      if (d % 2 == 0 && lower(d) && !(lower(d + 1) && lower(d + 2))) {
        link.lower[link.pieces] = static_cast<std::uint8_t>(d);
        link.upper[link.pieces] = static_cast<std::uint8_t>((lower(d + 1) ? d + 2 : d + 1) & 7);
        ++link.pieces;
      }
    }
    return link;
  }

  Link links_[256];
};

inline const LinkTable& links() {
  static const LinkTable table;
  return table;
}

// The same as differences of positions, which depend on the stride.
struct Route {
  std::int32_t step[256];     // to the next pixel of a path; 0 at its end
  std::int32_t ends[256][4];  // from a saddle to the j-th piece or stretch
};

class Masks {
 public:
  // outside: the mask of everything around the image, 0xFF if that is higher than every
  // pixel and 0 if it is lower.  Fills the padding above and below; rows are the caller's.
  void reset(std::int64_t height, std::int64_t width, Mask outside) {
    // An odd number of cache lines, or the pixels of a column would compete for few sets.
    const std::int64_t stride = ((width + 64) / 64 | 1) * 64;
    if (stride * (height + 2) > 0xFFFFFFFF) {
      throw std::invalid_argument("image is too large: 2^32 padded pixels at most");
    }
    if (stride != stride_) {
      stride_ = stride;
      lay_out_routes();
    }
    width_ = width;
    outside_ = outside;
    height_ = height;
    size_ = stride * (height + 2);
    data_.reserve(static_cast<std::size_t>(size_ + 2 * kMargin));
    std::memset(data_.data(), outside, kMargin + stride);
    std::memset(data_.data() + kMargin + stride * (height + 1), outside, stride + kMargin);
    lay_out_rows();
  }

  std::size_t bytes() const { return data_.bytes() + padding_.bytes(); }
  std::int64_t stride() const { return stride_; }
  std::int64_t size() const { return size_; }
  Mask* data() { return data_.data() + kMargin; }
  const Mask* data() const { return data_.data() + kMargin; }
  Mask* row(std::int64_t y) { return data() + (y + 1) * stride_; }
  Position position(std::int64_t y) const { return static_cast<Position>((y + 1) * stride_); }
  const Route& route(Sense sense) const { return routes_[static_cast<int>(sense)]; }

  void close_row(std::int64_t y) { std::memset(row(y) + width_, outside_, stride_ - width_); }

  // The pixel's index in the image.
  std::int32_t pixel(Position at) const {
    return static_cast<std::int32_t>(at - padding_[at >> 6]);
  }

  std::int32_t last_pixel() const { return static_cast<std::int32_t>(height_ * width_ - 1); }

  bool is_outside(Position at) const {
    const auto stride = static_cast<Position>(stride_);
    const Position row = at / stride;
    return row == 0 || row > height_ || at % stride >= width_;
  }

 private:
  static constexpr std::int64_t kMargin = 64;  // the first and last pixel have diagonals, too

  // What lies before a pixel and is none, for each word: a division for each pair is too dear.
  void lay_out_rows() {
    const std::int64_t words = stride_ / 64;
    Position* padding = padding_.reserve(static_cast<std::size_t>(words * (height_ + 2)));
    for (std::int64_t row = 0; row < height_ + 2; ++row) {
      const auto before = static_cast<Position>(stride_ * row - width_ * (row - 1));
      padding = std::fill_n(padding, words, before);
    }
  }

  void lay_out_routes() {
    const auto stride = static_cast<std::int32_t>(stride_);
    // N NE E SE S SW W NW
    const std::int32_t offset[8] = {-stride, -stride + 1, 1,  stride + 1,
                                    stride,  stride - 1,  -1, -stride - 1};
    for (int mask = 0; mask < 256; ++mask) {
      const Link& link = links()[static_cast<Mask>(mask)];
      routes_[0].step[mask] = link.down < 0 ? 0 : offset[link.down];
      routes_[1].step[mask] = link.up < 0 ? 0 : offset[link.up];
      for (int j = 0; j < 4; ++j) {
        routes_[0].ends[mask][j] = offset[link.lower[j]];
        routes_[1].ends[mask][j] = offset[link.upper[j]];
      }
    }
  }

  Buffer<Mask> data_;
  Buffer<Position> padding_;
  std::int64_t stride_ = 0, width_ = 0, height_ = 0, size_ = 0;
  Route routes_[2];
  Mask outside_ = 0;
};

}  // namespace topoeval::image
