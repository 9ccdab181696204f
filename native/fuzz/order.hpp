// The order in which voxels enter, found without the engine's keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "batch.hpp"

namespace topoeval::fuzz {

struct Order {
  std::vector<std::int32_t> voxels;  // from the first to the last
  std::vector<std::int32_t> rank;    // of each voxel among them
  std::vector<std::int32_t> level;   // of each voxel: how many smaller values there are
  bool has_nan = false;

  Order(const ArrayView& array, bool superlevel) {
    with_type(array.dtype, [&](auto sample) {
      sort<decltype(sample)>(array, superlevel);
      return 0;
    });
  }

 private:
  template <class T> static bool less(T a, T b) { return a < b; }
  static bool less(float16 a, float16 b) { return number_of(a) < number_of(b); }
  template <class T> static bool is_nan(T value) { return value != value; }
  static bool is_nan(float16 value) { return (value.bits & 0x7FFF) > 0x7C00; }

  template <class T> void sort(const ArrayView& array, bool superlevel) {
    const auto size = static_cast<std::size_t>(array.size());
    std::vector<T> values(size);
    for (std::size_t i = 0; i < size; ++i) {
      values[i] = load<T>(array.at(static_cast<std::int64_t>(i)));
      has_nan |= is_nan(values[i]);
    }
    if (has_nan) return;  // there is no order
    const auto earlier = [&](std::int32_t a, std::int32_t b) {
      const T u = values[static_cast<std::size_t>(a)], v = values[static_cast<std::size_t>(b)];
      return superlevel ? less(v, u) : less(u, v);
    };
    voxels.resize(size);
    std::iota(voxels.begin(), voxels.end(), 0);
    std::sort(voxels.begin(), voxels.end(), [&](std::int32_t a, std::int32_t b) {
      return earlier(a, b) || (!earlier(b, a) && a < b);
    });
    rank.resize(size);
    level.resize(size);
    std::int32_t current = 0;
    for (std::size_t r = 0; r < size; ++r) {
      if (r > 0 && earlier(voxels[r - 1], voxels[r])) ++current;
      rank[static_cast<std::size_t>(voxels[r])] = static_cast<std::int32_t>(r);
      level[static_cast<std::size_t>(voxels[r])] = current;
    }
  }
};

}  // namespace topoeval::fuzz
