// The loops that gain by newer instructions: the two that visit every pixel, one row at a
// time, and the one that counts bits.
//
// They are plain loops that a compiler vectorises.  On x86 the same source (kernels.ipp) is
// compiled again for AVX2 and AVX-512, and the best the machine has is chosen once at run
// time; everything else in the engine is compiled for the baseline.
#pragma once

#include <cstdint>

namespace topoeval::image {

// What the pixels of a stretch of 64 are, a bit for each.
struct RowFlags {
  std::uint64_t minimum;  // no lower 4-neighbour
  std::uint64_t maximum;  // all neighbours lower
  std::uint64_t saddle;   // the lower neighbours fall into two pieces or more
};

// Where the extrema among 64 pixels are, and the number of the first of them.
struct Rank {
  std::uint64_t bits;
  std::int64_t first;
};

template <class Key> struct Kernels {
  // half[x]: the mask bits E, SE, S, SW of every pixel, 0 <= x < count.  Reads
  // here[0 .. count] and below[-1 .. count].
  void (*compare)(const Key* here, const Key* below, std::uint8_t* half, std::int64_t count);

  // mask[x]: half[x] completed with the bits N, NE, W, NW, which are the complements of the
  // opposite bits of the neighbours there.  Reads half and above at [-1 .. count]; count is a
  // multiple of 64 and flags has one entry for each 64 pixels.
  void (*classify)(const std::uint8_t* half, const std::uint8_t* above, std::uint8_t* mask,
                   RowFlags* flags, std::int64_t count);

  // nodes[i]: the number of the extremum at position at[i], 0 if there is none.
  void (*number)(const Rank* ranks, const std::uint32_t* at, std::int32_t* nodes, int count);
};

// The fastest kernels that this processor can run.
template <class Key> const Kernels<Key>& fastest_kernels();

// The candidates, each defined in a file of its own.
namespace baseline {
template <class Key> const Kernels<Key>& kernels();
}
namespace avx2 {
template <class Key> const Kernels<Key>& kernels();
}
namespace avx512 {
template <class Key> const Kernels<Key>& kernels();
}

}  // namespace topoeval::image
