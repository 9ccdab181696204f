// The minima, or the maxima, of an image: numbered in raster order.
//
// A bit per pixel says where they are; an extremum's number is its rank among the bits.
// That takes a quarter of a byte per pixel where an array of numbers would take four, so
// looking up where a path has ended hardly ever leaves the cache.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

#include "../common/buffer.hpp"
#include "../common/union_find.hpp"
#include "kernels.hpp"
#include "masks.hpp"

namespace topoeval::image {

constexpr std::int32_t kOutside = 0;  // the node of everything around the image

inline int lowest_bit(std::uint64_t bits) {
#if defined(__GNUC__) || defined(__clang__)
  return __builtin_ctzll(bits);
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_ARM64))
  unsigned long index;
  _BitScanForward64(&index, bits);
  return static_cast<int>(index);
#else
  int index = 0;
  for (; (bits & 1) == 0; bits >>= 1) ++index;
  return index;
#endif
}

template <class Key> class Extrema {
 public:
  // flip: 0 for minima; -1 for maxima, whose age runs the other way.
  void reset(const Masks& masks, int flip) {
    flip_ = flip;
    count_ = 1;
    words_ = ranks_.reserve(static_cast<std::size_t>(masks.size() / 64));
    const std::size_t line = static_cast<std::size_t>(masks.stride() / 64);
    std::memset(words_, 0, line * sizeof(Rank));
    std::memset(words_ + masks.size() / 64 - line, 0, line * sizeof(Rank));
    classes.reset();
    pixels_.grow(1);
  }

  // The extrema among the 64 pixels from `at`, whose keys and index start at keys and pixel.
  void append(Position at, std::uint64_t bits, const Key* keys, std::int32_t pixel) {
    words_[at >> 6] = {bits, count_};
    std::int32_t count = count_;
    const Key flip = static_cast<Key>(flip_);
    std::int32_t* pixels = pixels_.data();
    for (; bits != 0; bits &= bits - 1) {
      const int x = lowest_bit(bits);
      classes.make(count, static_cast<Key>(keys[x] ^ flip));
      pixels[count++] = pixel + x;
    }
    count_ = count;
  }

  // Called before a row is appended.
  void make_room(std::int64_t more) {
    classes.grow(static_cast<std::size_t>(count_ + more));
    pixels_.grow(static_cast<std::size_t>(count_ + more));
  }

  // The nodes of extrema; of the outside, where there is none at a position.
  void number(const Position* at, std::int32_t* nodes, int count) const {
    kernels_.number(words_, at, nodes, count);
  }
  bool contains(Position at) const { return (words_[at >> 6].bits >> (at & 63) & 1) != 0; }

  // A key of `classes` as it went in, and a node's pixel.
  Key key(Key of_class) const { return static_cast<Key>(of_class ^ static_cast<Key>(flip_)); }
  std::int32_t pixel(std::int32_t node) const { return pixels_[node]; }
  std::size_t bytes() const { return ranks_.bytes() + pixels_.bytes() + classes.bytes(); }
  std::int32_t count() const { return count_; }

  UnionFind<Key> classes;

 private:
  const Kernels<Key>& kernels_ = fastest_kernels<Key>();
  Buffer<Rank> ranks_;
  Buffer<std::int32_t> pixels_;  // of the nodes
  Rank* words_ = nullptr;
  std::int32_t count_ = 1;
  std::int32_t flip_ = 0;
};

}  // namespace topoeval::image
