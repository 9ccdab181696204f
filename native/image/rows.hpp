// The two loops that visit every pixel, one row at a time.
//
// They are plain loops over bytes that a compiler vectorises.  On x86 the same source
// (rows.ipp) is compiled again for AVX2 and AVX-512, and the best the machine has is
// chosen once at run time; everything else in the engine is compiled for the baseline.
#pragma once

#include <cstdint>

namespace topoeval::image {

// One bit per pixel of a stretch of 64.
struct RowFlags {
  std::uint64_t minimum;  // no lower 4-neighbour
  std::uint64_t maximum;  // all neighbours lower
  std::uint64_t saddle;   // the lower neighbours fall into two pieces or more
};

template <class Key> struct RowKernels {
  // half[x]: the mask bits E, SE, S, SW of every pixel, 0 <= x < count.  Reads
  // here[0 .. count] and below[-1 .. count].
  void (*compare)(const Key* here, const Key* below, std::uint8_t* half, std::int64_t count);

  // mask[x]: half[x] completed with the bits N, NE, W, NW, which are the complements of the
  // opposite bits of the neighbours there.  Reads half and above at [-1 .. count]; count is a
  // multiple of 64 and flags has one entry for each 64 pixels.
  void (*classify)(const std::uint8_t* half, const std::uint8_t* above, std::uint8_t* mask,
                   RowFlags* flags, std::int64_t count);
};

// The fastest kernels that this processor can run.
template <class Key> const RowKernels<Key>& row_kernels();

// The candidates, each defined in a file of its own.
namespace baseline {
template <class Key> const RowKernels<Key>& kernels();
}
namespace avx2 {
template <class Key> const RowKernels<Key>& kernels();
}
namespace avx512 {
template <class Key> const RowKernels<Key>& kernels();
}

}  // namespace topoeval::image
