// The input array, seen as rows of keys.
//
// An ArrayView is what Python hands over: any type, any strides.  A Field is that
// array as the engines want it: keys, complemented where the filtration runs downwards.
// Keys are made one row at a time, so an engine that needs only a few rows at once
// never holds a second copy of the array.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "keys.hpp"

namespace topoeval {

enum class Dtype : std::uint8_t { f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64 };

// One image (shape {1, H, W}) or volume (shape {D, H, W}).  A voxel's index is its
// position in C order whatever the strides: ((z * H) + y) * W + x.
struct ArrayView {
  const char* data = nullptr;
  Dtype dtype = Dtype::f32;
  std::int64_t shape[3] = {1, 1, 1};
  std::int64_t strides[3] = {0, 0, 0};  // in bytes, of either sign

  std::int64_t size() const { return shape[0] * shape[1] * shape[2]; }
  const char* at(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return data + z * strides[0] + y * strides[1] + x * strides[2];
  }
  // Whether voxel i lies i elements from the first.
  bool contiguous(std::int64_t item_size) const {
    return strides[2] == item_size && (shape[1] == 1 || strides[1] == strides[2] * shape[2]) &&
           (shape[0] == 1 || strides[0] == strides[1] * shape[1]);
  }
  const char* at(std::int64_t index) const {
    const std::int64_t row = index / shape[2];
    return at(row / shape[1], row % shape[1], index % shape[2]);
  }
};

// Calls visit(T{}) with the C++ type of the array's elements.
template <class Visit> auto with_type(Dtype dtype, Visit visit) {
  switch (dtype) {
    case Dtype::f16: return visit(float16{});
    case Dtype::f32: return visit(float{});
    case Dtype::f64: return visit(double{});
    case Dtype::i8: return visit(std::int8_t{});
    case Dtype::i16: return visit(std::int16_t{});
    case Dtype::i32: return visit(std::int32_t{});
    case Dtype::i64: return visit(std::int64_t{});
    case Dtype::u8: return visit(std::uint8_t{});
    case Dtype::u16: return visit(std::uint16_t{});
    case Dtype::u32: return visit(std::uint32_t{});
    case Dtype::u64: return visit(std::uint64_t{});
  }
  throw std::logic_error("unknown dtype");
}

// Whether this type's keys take 64 bits.
inline bool needs_wide_keys(Dtype dtype) {
  return dtype == Dtype::f64 || dtype == Dtype::i64 || dtype == Dtype::u64;
}

// memcpy, because a strided array from NumPy may be unaligned.
template <class T> T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

class NotANumber : public std::invalid_argument {
 public:
  NotANumber() : std::invalid_argument("values contain NaN, which has no place in a filtration") {}
};

template <class Key> class Field {
 public:
  // complement: reverse the order of the values (superlevel sets), indices unchanged.
  Field(const ArrayView& array, bool complement)
      : array_(array), flip_(complement ? Key(-1) : Key(0)) {
    load_ = with_type(array.dtype, [](auto sample) -> LoadRow {
      return choose<decltype(sample)>(std::is_same<typename KeyOf<decltype(sample)>::type, Key>{});
    });
    if (load_ == nullptr) throw std::logic_error("dtype does not fit this width of key");
  }

  // The same voxels in exactly the opposite order, ties included: keys complemented, and
  // index i where n-1-i was.
  Field reversed() const {
    ArrayView backwards = array_;
    backwards.data = array_.at(array_.size() - 1);
    for (auto& stride : backwards.strides) stride = -stride;
    return Field(backwards, flip_ == Key(0));
  }

  const ArrayView& array() const { return array_; }
  std::int64_t depth() const { return array_.shape[0]; }
  std::int64_t height() const { return array_.shape[1]; }
  std::int64_t width() const { return array_.shape[2]; }
  std::int64_t size() const { return array_.size(); }

  // Writes the keys of row (z, y) to out[0 .. width).  Throws NotANumber.
  void load_row(std::int64_t z, std::int64_t y, Key* out) const {
    if (load_(array_.at(z, y, 0), array_.strides[2], width(), flip_, out)) throw NotANumber();
  }

  // The key of one voxel, for the rare places that need it long after its row has gone.
  Key key(std::int64_t index) const {
    Key out;
    load_(array_.at(index), array_.strides[2], 1, flip_, &out);
    return out;
  }

 private:
  using LoadRow = bool (*)(const char*, std::int64_t, std::int64_t, Key, Key*);

  // Returns whether the row holds a NaN.  A known step lets the compiler vectorise the
  // two contiguous cases.
  template <class T>
  static bool load_typed(const char* row, std::int64_t stride, std::int64_t width, Key flip,
                         Key* out) {
    // An accumulator as wide as the key keeps all lanes of the loop equally wide.
    Key nan = 0;
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
    const auto convert = [&](std::int64_t step) {
      for (std::int64_t x = 0; x < width; ++x) {
        const T value = load<T>(row + x * step);
        nan |= KeyOf<T>::is_nan(value);
        out[x] = static_cast<Key>(KeyOf<T>::of(value) ^ flip);
      }
    };
    if (stride == kSize) {
      convert(kSize);
    } else if (stride == -kSize) {
      convert(-kSize);
    } else {
      convert(stride);
    }
    return nan != 0;
  }

  template <class T> static LoadRow choose(std::true_type) { return &load_typed<T>; }
  template <class T> static LoadRow choose(std::false_type) { return nullptr; }

  ArrayView array_;
  Key flip_;
  LoadRow load_;
};

// What a value is as a number; integers of 64 bits may be rounded.
inline double number_of(float16 value) {
  const int exponent = (value.bits >> 10) & 31, fraction = value.bits & 1023;
  const double magnitude = exponent == 31  ? HUGE_VAL
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (value.bits & 0x8000) ? -magnitude : magnitude;
}
template <class T> double number_of(T value) { return static_cast<double>(value); }

// |u - v|, for a minimum persistence given in the units of the values.
template <class T> double distance(T u, T v) {
  if constexpr (std::is_integral_v<T>) {
    // Unsigned subtraction is exact where a signed one would overflow.
    const auto low = static_cast<std::uint64_t>(u < v ? u : v);
    const auto high = static_cast<std::uint64_t>(u < v ? v : u);
    return static_cast<double>(high - low);
  } else {
    return std::fabs(number_of(u) - number_of(v));
  }
}

}  // namespace topoeval
