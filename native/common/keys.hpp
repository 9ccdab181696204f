// Order-preserving integer keys.
//
// Every algorithm here compares values and never computes with them, so each
// pixel type is mapped once to an integer that sorts the same way.  Then one
// engine serves all types exactly, comparisons are cheap and vectorise, and the
// two limits of the key type stay free to mean "outside the array".
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace topoeval {

// A binary16 value that is only ever looked at as bits.
struct float16 {
  std::uint16_t bits;
};

// Lower or higher than any voxel: the virtual cell around the array.
template <class Key> constexpr Key kBelowAll = std::numeric_limits<Key>::min();
template <class Key> constexpr Key kAboveAll = std::numeric_limits<Key>::max();

// KeyOf<T>::of(value) is strictly increasing in value; -0.0 and +0.0 are one key.
// is_nan marks the values that have no place in the order.
template <class T> struct KeyOf;

template <> struct KeyOf<float> {
  using type = std::int32_t;
  static type of(float value) {
    value += 0.0f;  // -0.0 becomes +0.0
    std::int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    // Negative floats sort backwards as integers: flip all but the sign.
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
  }
  static bool is_nan(float value) { return value != value; }
};

template <> struct KeyOf<double> {
  using type = std::int64_t;
  static type of(double value) {
    value += 0.0;
    std::int64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF);
  }
  static bool is_nan(double value) { return value != value; }
};

template <> struct KeyOf<float16> {
  using type = std::int32_t;
  static type of(float16 value) {
    const std::int32_t magnitude = value.bits & 0x7FFF;
    return (value.bits & 0x8000) ? -magnitude : magnitude;
  }
  static bool is_nan(float16 value) { return (value.bits & 0x7FFF) > 0x7C00; }
};

// A key that is not one of the two limits.  Arrays that hold these are replaced by ranks before
// (dense_ranks.hpp); this is for values that somebody writes after that was looked up.
template <class Key> constexpr Key within_limits(Key key) {
  constexpr Key low = kBelowAll<Key> + 1, high = kAboveAll<Key> - 1;
  return key < low ? low : key > high ? high : key;
}

// Integers keep their order; unsigned ones that fill the key are shifted down.
// Only 32- and 64-bit integers can meet the two limits.
template <class T, class Key> struct IntegerKey {
  using type = Key;
  static type of(T value) { return within_limits(static_cast<Key>(value)); }
  static bool is_nan(T) { return false; }
};
template <> struct KeyOf<std::int8_t> : IntegerKey<std::int8_t, std::int32_t> {};
template <> struct KeyOf<std::int16_t> : IntegerKey<std::int16_t, std::int32_t> {};
template <> struct KeyOf<std::int32_t> : IntegerKey<std::int32_t, std::int32_t> {};
template <> struct KeyOf<std::int64_t> : IntegerKey<std::int64_t, std::int64_t> {};
template <> struct KeyOf<std::uint8_t> : IntegerKey<std::uint8_t, std::int32_t> {};
template <> struct KeyOf<std::uint16_t> : IntegerKey<std::uint16_t, std::int32_t> {};
template <> struct KeyOf<std::uint32_t> {
  using type = std::int32_t;
  static type of(std::uint32_t value) { return within_limits(static_cast<type>(value ^ 0x80000000u)); }
  static bool is_nan(std::uint32_t) { return false; }
};
template <> struct KeyOf<std::uint64_t> {
  using type = std::int64_t;
  static type of(std::uint64_t value) {
    return within_limits(static_cast<type>(value ^ 0x8000000000000000u));
  }
  static bool is_nan(std::uint64_t) { return false; }
};

}  // namespace topoeval
