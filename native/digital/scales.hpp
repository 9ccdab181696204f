// One scale of a soft skeleton: an erosion, its opening, and the derivative of both.
//
// Plain loops over rows that compilers vectorise; on x86 the same source (scales.ipp) is compiled again
// for AVX2 and AVX-512, and the best the machine has is chosen at run time.
//
// All arrays have the layout of a Frame, with a margin of NaN: that is neither less nor greater than a
// value, nor equal to one, so no voxel has a neighbour there.
#pragma once

#include <cstdint>

namespace topoeval::digital {

struct Frame {
  static constexpr std::int64_t kMargin = 2;
  int axes = 2;                       // 2 or 3
  std::int64_t inner[3] = {1, 1, 1};  // depth, height and width without the margin
  std::int64_t steps[3] = {};         // from a voxel to the next along each of the axes
  std::int64_t plane = 0, row = 0;    // from a plane, a row to the next
  std::int64_t first = 0, size = 0;   // the first voxel that is not margin; how many there are
};

template <class T> struct Scales {
  // From maps to eroded, to what the scale keeps (1 - delta), and to product = factor * kept.  `kept`
  // may be null.  product may be factor.  dilated: an array for each axis, the last one unused.
  void (*open)(const Frame& frame, const T* maps, T* eroded, T* const* dilated, const T* factor,
               T* kept, T* product);
  // What `open` does, backwards: before is the factor, after the product of what the later scales keep,
  // which is multiplied by this one's.  to_eroded is the gradient by the eroded maps and
  // becomes that by the maps.  dilated: an array for each axis; shares: one for a voxel and each
  // neighbour by a face, their margins 0; spare: three.
  void (*open_back)(const Frame& frame, const T* maps, const T* eroded, const T* kept,
                    const T* before, T* after, T* to_eroded, T* const* dilated, T* const* shares,
                    T* const* spare);
};

// The fastest that this processor can run.
template <class T> Scales<T> scales();

// The candidates, each defined in a file of its own.
namespace baseline {
template <class T> Scales<T> scales();
}
namespace avx2 {
template <class T> Scales<T> scales();
}
namespace avx512 {
template <class T> Scales<T> scales();
}

}  // namespace topoeval::digital
