// A mask under repair, with a margin of background, and what it costs to flip a voxel.
//
// Every question is put with a plain border.  A framed mask is repaired as its negative, which is
// plain under the dual adjacencies: components are then cavities, cuts are covers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "../common/field.hpp"
#include "../common/interrupt.hpp"
#include "../digital/neighbourhood.hpp"

namespace topoeval::repair {

using Index = std::uint32_t;
inline constexpr Index kNowhere = 0xFFFFFFFF;

// For every cell round a voxel that is a vertex (V) or a top cell (T), the neighbours it belongs to.
template <int D> struct Cells {
  static constexpr int kSize = D == 2 ? 9 : 27, kCount = kSize - 1;
  std::uint32_t members[kCount] = {};
  int codimension[kCount] = {};
  std::uint32_t at_distance[D + 1] = {};  // neighbours through faces (1), edges and corners

  constexpr Cells() {
    int next = 0;
    for (int i = 0; i < kSize; ++i) {
      int distance = 0;
      for (int axis = 0, step = 1; axis < D; ++axis, step *= 3) distance += i / step % 3 != 1;
      at_distance[distance] |= 1u << i;
      if (distance == 0) continue;
      codimension[next] = distance;
      for (int j = 0; j < kSize; ++j) {
        bool inside = j != kSize / 2;
        for (int axis = 0, step = 1; axis < D; ++axis, step *= 3) {
          const int a = i / step % 3, b = j / step % 3;
          inside = inside && (b == 1 || b == a);
        }
        members[next] |= static_cast<std::uint32_t>(inside) << j;
      }
      ++next;
    }
  }
};
template <int D> inline constexpr Cells<D> kCells{};

template <int D> class Grid {
 public:
  static constexpr int kNear = D == 2 ? 8 : 26, kFaces = 2 * D;
  // State of a voxel.
  static constexpr std::uint8_t kMargin = 1;  // lies beyond the border
  static constexpr std::uint8_t kLocked = 2;  // may not flip; all of the margin is
  static constexpr std::uint8_t kTouched = 4;  // flipped in this round
  static constexpr std::uint8_t kKept = 8;    // on a path: later deformation leaves it
  static constexpr std::uint8_t kRaised = 16;  // on a path that became foreground of the input

  // A logit costs 256 a unit; probabilities are clipped, and each voxel costs something.
  static constexpr int kUnit = 256, kMostPrice = 2500;

  // invert: the foreground of the grid is the background of the mask.
  void load(const ArrayView& mask, const ArrayView& value, const ArrayView* locked, bool invert,
            bool through_corners, bool uniform, Interrupt& interrupt) {
    corners = through_corners;
    const std::int64_t margin = D == 3 ? 1 : 0;
    for (int axis = 0; axis < 3; ++axis) inner[axis] = mask.shape[axis];
    sides[0] = inner[0] + 2 * margin;
    sides[1] = inner[1] + 2;
    sides[2] = inner[2] + 2;
    const std::int64_t count = sides[0] * sides[1] * sides[2];
    if (count >= INT64_C(0xFFFFFFFF)) throw std::invalid_argument("an item has too many voxels");
    size = static_cast<Index>(count);
    colour.assign(size, 0);
    state.assign(size, kMargin | kLocked);
    values.assign(size, 0.0f);
    prices.assign(size, 0);
    set_offsets();
    for (std::int64_t z = 0; z < inner[0]; ++z) {
      for (std::int64_t y = 0; y < inner[1]; ++y) {
        if (y % 256 == 0) interrupt.poll();
        Index at = voxel(z, y, 0);
        for (std::int64_t x = 0; x < inner[2]; ++x, ++at) {
          const float p = topoeval::load<float>(value.at(z, y, x));
          colour[at] = (*mask.at(z, y, x) != 0) != invert;
          values[at] = invert ? 1 - p : p;
          prices[at] = uniform ? kUnit : price_of(p);
          state[at] = locked != nullptr && *locked->at(z, y, x) != 0 ? kLocked : 0;
        }
      }
    }
  }

  Index voxel(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return static_cast<Index>(((z + (D == 3)) * sides[1] + y + 1) * sides[2] + x + 1);
  }
  // Position in the item, in C order.
  std::int64_t position(Index at) const {
    const std::int64_t x = at % sides[2] - 1, row = at / sides[2];
    const std::int64_t y = row % sides[1] - 1, z = row / sides[1] - (D == 3);
    return (z * inner[1] + y) * inner[2] + x;
  }
  Index voxel_at(std::int64_t position) const {
    const std::int64_t row = position / inner[2];
    return voxel(row / inner[1], row % inner[1], position % inner[2]);
  }

  // The voxels without their margin.
  template <class T> ArrayView view(const std::vector<T>& array, Dtype dtype) const {
    ArrayView out;
    out.data = reinterpret_cast<const char*>(array.data() + voxel(0, 0, 0));
    out.dtype = dtype;
    for (int axis = 0; axis < 3; ++axis) out.shape[axis] = inner[axis];
    out.strides[2] = sizeof(T);
    out.strides[1] = sides[2] * out.strides[2];
    out.strides[0] = sides[1] * out.strides[1];
    return out;
  }

  template <class Visit> void for_each(Visit visit) const {
    for (std::int64_t z = 0; z < inner[0]; ++z) {
      for (std::int64_t y = 0; y < inner[1]; ++y) {
        const Index first = voxel(z, y, 0), last = first + static_cast<Index>(inner[2]);
        for (Index at = first; at < last; ++at) visit(at);
      }
    }
  }

  // Those with a face in the border.
  template <class Visit> void for_each_at_border(Visit visit) const {
    for (std::int64_t z = 0; z < inner[0]; ++z) {
      for (std::int64_t y = 0; y < inner[1]; ++y) {
        const bool whole_row = y == 0 || y == inner[1] - 1 ||
                               (D == 3 && (z == 0 || z == inner[0] - 1));
        const std::int64_t step = whole_row ? 1 : std::max<std::int64_t>(inner[2] - 1, 1);
        for (std::int64_t x = 0; x < inner[2]; x += step) visit(voxel(z, y, x));
      }
    }
  }

  // How many of `offsets` lead to what is adjacent in a phase.
  int adjacent(std::uint8_t phase) const { return (phase != 0) == corners ? kNear : kFaces; }
  Index step(Index at, int direction) const {
    return static_cast<Index>(at + offsets[direction]);
  }

  std::uint32_t code(const std::uint8_t* image, Index at) const {
    std::uint32_t code = 0;
    int bit = 0;
    for (std::int64_t dz = D == 3 ? -1 : 0; dz <= (D == 3 ? 1 : 0); ++dz) {
      for (std::int64_t dy = -1; dy <= 1; ++dy, bit += 3) {
        const std::uint8_t* row = image + at + (dz * sides[1] + dy) * sides[2] - 1;
        code |= static_cast<std::uint32_t>(row[0] | row[1] << 1 | row[2] << 2) << bit;
      }
    }
    return code & ~(1u << (Cells<D>::kSize / 2));
  }
  bool simple(const std::uint8_t* image, Index at) const {
    return digital::kNeighbourhood<D>.is_simple(code(image, at), corners);
  }

  // Euler characteristic of the foreground with a voxel less the one without it.
  int euler_step(std::uint32_t code) const {
    int sum = corners && D % 2 == 1 ? -1 : 1;
    for (int i = 0; i < Cells<D>::kCount; ++i) {
      const std::uint32_t members = kCells<D>.members[i];
      const bool counts = corners ? (members & code) == 0 : (members & ~code) == 0;
      const int dimension = corners ? D - kCells<D>.codimension[i] : kCells<D>.codimension[i];
      if (counts) sum += dimension % 2 == 0 ? 1 : -1;
    }
    return sum;
  }

  std::size_t bytes() const { return size * (2 + sizeof(float) + sizeof(std::uint16_t)); }

  Index size = 0;
  std::int64_t inner[3] = {1, 1, 1}, sides[3] = {1, 1, 1};
  bool corners = true;  // the foreground is adjacent through corners (T), or through faces (V)
  std::int64_t offsets[26] = {};  // those through faces first
  std::vector<std::uint8_t> colour, state;
  std::vector<float> values;           // in [0, 1], high where foreground is likely
  std::vector<std::uint16_t> prices;   // of a flip

 private:
  static std::uint16_t price_of(float p) {
    const float clipped = std::min(std::max(p, 1e-4f), 1 - 1e-4f);
    const float logit = std::fabs(std::log(clipped / (1 - clipped)));
    return static_cast<std::uint16_t>(1 + std::lround(kUnit * logit));
  }

  void set_offsets() {
    int next = 0;
    for (int distance = 1; distance <= D; ++distance) {
      for (std::int64_t dz = D == 3 ? -1 : 0; dz <= (D == 3 ? 1 : 0); ++dz) {
        for (std::int64_t dy = -1; dy <= 1; ++dy) {
          for (std::int64_t dx = -1; dx <= 1; ++dx) {
            if ((dz != 0) + (dy != 0) + (dx != 0) != distance) continue;
            offsets[next++] = (dz * sides[1] + dy) * sides[2] + dx;
          }
        }
      }
    }
  }
};

}  // namespace topoeval::repair
