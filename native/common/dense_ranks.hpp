// Integers that fill their type, made to fit.
//
// The two limits of a key type mean "outside".  An array of 32- or 64-bit integers may
// contain them; such an array is replaced by the ranks of its values, which sort the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "field.hpp"

namespace topoeval {

namespace detail {

template <class T, class Visit> void for_each_value(const ArrayView& array, Visit visit) {
  for (std::int64_t z = 0; z < array.shape[0]; ++z)
    for (std::int64_t y = 0; y < array.shape[1]; ++y) {
      const char* row = array.at(z, y, 0);
      // A known step lets the compiler vectorise the usual case.
      constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
      if (array.strides[2] == kSize) {
        for (std::int64_t x = 0; x < array.shape[2]; ++x) visit(load<T>(row + x * kSize));
      } else {
        for (std::int64_t x = 0; x < array.shape[2]; ++x) visit(load<T>(row + x * array.strides[2]));
      }
    }
}

}  // namespace detail

// Whether some value of the array has a reserved key.
inline bool meets_reserved_keys(const ArrayView& array) {
  return with_type(array.dtype, [&](auto sample) -> bool {
    using T = decltype(sample);
    if constexpr (!std::is_integral_v<T> || sizeof(T) < 4) {
      return false;
    } else {
      T found = 0;  // as wide as the values, again for the vectoriser
      constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
      detail::for_each_value<T>(array, [&](T value) { found |= (value == low) | (value == high); });
      return found != 0;
    }
  });
}

// The ranks of the values, in C order.
inline std::vector<std::int32_t> dense_ranks(const ArrayView& array) {
  std::vector<std::int32_t> ranks;
  with_type(array.dtype, [&](auto sample) {
    using T = decltype(sample);
    if constexpr (std::is_integral_v<T>) {
      std::vector<T> values;
      values.reserve(static_cast<std::size_t>(array.size()));
      detail::for_each_value<T>(array, [&](T value) { values.push_back(value); });
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      ranks.reserve(static_cast<std::size_t>(array.size()));
      detail::for_each_value<T>(array, [&](T value) {
        const auto at = std::lower_bound(values.begin(), values.end(), value);
        ranks.push_back(static_cast<std::int32_t>(at - values.begin()));
      });
    }
  });
  return ranks;
}

// Ranks as an array of the same shape.
inline ArrayView view_of(const std::vector<std::int32_t>& ranks, const ArrayView& shape_of) {
  ArrayView view = shape_of;
  view.data = reinterpret_cast<const char*>(ranks.data());
  view.dtype = Dtype::i32;
  view.strides[2] = sizeof(std::int32_t);
  view.strides[1] = view.strides[2] * view.shape[2];
  view.strides[0] = view.strides[1] * view.shape[1];
  return view;
}

}  // namespace topoeval
