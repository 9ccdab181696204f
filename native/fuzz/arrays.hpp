// Batches of arrays built from bytes, as a fuzzer invents them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "batch.hpp"

namespace topoeval::fuzz {

// Reads an input front to back; zeros follow its end.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t next() { return at_ < size_ ? data_[at_++] : 0; }
  int below(int limit) { return next() % limit; }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

struct Shape {
  int rank;
  std::int64_t items, sides[3];

  // Images cross the 64 pixels of a word, volumes the 16 voxels of a tile.
  explicit Shape(Bytes& in) : rank(2 + in.below(2)), items(1 + in.below(3)), sides{1, 1, 1} {
    if (rank == 2) {
      sides[1] = 1 + in.below(24);
      sides[2] = 1 + in.below(140);
    } else {
      const int limit = in.below(8) == 0 ? 18 : 8;
      for (auto& side : sides) side = 1 + in.below(limit);
    }
  }
  std::int64_t size() const { return sides[0] * sides[1] * sides[2]; }
};

// A batch in its own memory, exactly as large as it has to be, so that the address sanitizer
// sees a read beyond it.
class Arrays {
 public:
  Arrays(Bytes& in, const Shape& shape) {
    batch_.rank = shape.rank;
    batch_.count = shape.items;
    ArrayView& first = batch_.first;
    first.dtype = static_cast<Dtype>(in.below(11));
    std::memcpy(first.shape, shape.sides, sizeof first.shape);

    const auto item = with_type(first.dtype, [](auto sample) { return sizeof sample; });
    const int layout = in.below(4);  // bit 0: Fortran order; bit 1: every axis reversed
    std::int64_t step = static_cast<std::int64_t>(item);
    for (int i = 0; i < 3; ++i) {
      const int axis = layout & 1 ? i : 2 - i;
      first.strides[axis] = step;
      step *= first.shape[axis];
    }
    batch_.stride = step;
    memory_.resize(static_cast<std::size_t>(step * batch_.count));
    first.data = memory_.data();
    if (layout & 2) {
      for (int axis = 0; axis < 3; ++axis) {
        first.data += first.strides[axis] * (first.shape[axis] - 1);
        first.strides[axis] = -first.strides[axis];
      }
    }
    with_type(first.dtype, [&](auto sample) { return fill<decltype(sample)>(in); });
  }
  Arrays(const Arrays&) = delete;
  Arrays& operator=(const Arrays&) = delete;

  const Batch& batch() const { return batch_; }

 private:
  // Bytes as they come (NaN and all); or levels, a byte for each voxel or drawn from a seed; the
  // latter alone, along a path through all voxels, or as walls between which such a path winds.
  enum class Pattern { bytes, levels, noise, ramp, corridor };

  template <class T> bool fill(Bytes& in) {
    const auto pattern = static_cast<Pattern>(in.below(5));
    if (pattern == Pattern::bytes) {
      for (char& byte : memory_) byte = static_cast<char>(in.next());
      return true;
    }
    const int few = 1 + in.below(12);
    const int levels = in.below(4) == 0 ? 1 << few : few;
    const bool specials = in.below(4) == 0;
    std::uint32_t seed = in.next();
    for (std::int64_t i = 0; i < batch_.count; ++i) {
      const ArrayView item = batch_.item(i);
      for (std::int64_t at = 0; at < item.size(); ++at) {
        seed = seed * 1664525u + 1013904223u;
        int level = pattern == Pattern::levels ? in.next() : static_cast<int>(seed >> 16);
        level = level % levels - levels / 2;
        if (pattern == Pattern::ramp) level += static_cast<int>(way(item, at));
        if (pattern == Pattern::corridor) {
          level = on_corridor(item, at) ? static_cast<int>(way(item, at)) : 8192 + level;
        }
        const T value = value_of<T>(level, specials);
        std::memcpy(const_cast<char*>(item.at(at)), &value, sizeof value);
      }
    }
    return true;
  }

  // How far a path that runs to and fro has come when it reaches a voxel.
  static std::int64_t way(const ArrayView& item, std::int64_t at) {
    const std::int64_t width = item.shape[2], row = at / width, x = at % width;
    return row * width + (row % 4 == 0 ? x : width - 1 - x);
  }

  static bool on_corridor(const ArrayView& item, std::int64_t at) {
    const std::int64_t width = item.shape[2], row = at / width, x = at % width;
    return row % 2 == 0 || x == (row % 4 == 1 ? width - 1 : 0);
  }

  // Increasing as far as the type reaches.
  template <class T> static T value_of(int level, bool specials) {
    if constexpr (std::is_same_v<T, float16>) {
      const int infinity = 0x7C00, size = level < 0 ? -level : level;
      const int bits = specials && size % 5 == 4 ? infinity : size * 8 % infinity;
      return {static_cast<std::uint16_t>(bits | (level < 0 ? 0x8000 : 0))};
    } else if constexpr (std::is_floating_point_v<T>) {
      if (specials && level % 5 == 4) return std::numeric_limits<T>::infinity();
      if (specials && level % 5 == -4) return -std::numeric_limits<T>::infinity();
      if (specials && level == 0) return -T(0);
      return static_cast<T>(level) / 4;
    } else {
      if (specials && level % 5 == 4) return std::numeric_limits<T>::max();
      if (specials && level % 5 == -4) return std::numeric_limits<T>::min();
      return static_cast<T>(level);
    }
  }

  Batch batch_;
  std::vector<char> memory_;
};

}  // namespace topoeval::fuzz
