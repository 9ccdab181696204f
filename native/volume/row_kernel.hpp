// The inner loop of the gradient pass: one row of voxels against its eight neighbour rows.
//
// A plain loop over integers that compilers vectorise.  On x86 the same source (row_kernel.ipp) is
// compiled again for AVX2 and AVX-512, and the best the machine has is chosen at run time.
#pragma once

#include <cstdint>

#include "voxel.hpp"

namespace topoeval::volume {

// rows[3 * (dz + 1) + (dy + 1)] points at the key of the first voxel of the row at
// (z + dz, y + dy); one key before it and one after its last are read as well.  Writes
// voxels[0 .. width), and to candidates[x] whether the voxel may be critical (never 0 for one
// that is).
template <class Key>
using RowKernel = void (*)(const Key* const rows[9], std::int64_t width, Voxel<Key>* voxels,
                           std::uint8_t* candidates);

// The fastest that this processor can run.
template <class Key> RowKernel<Key> row_kernel();

// The candidates, each defined in a file of its own.
namespace baseline {
template <class Key>
void compare_row(const Key* const rows[9], std::int64_t width, Voxel<Key>* voxels,
                 std::uint8_t* candidates);
}
namespace avx2 {
template <class Key>
void compare_row(const Key* const rows[9], std::int64_t width, Voxel<Key>* voxels,
                 std::uint8_t* candidates);
}
namespace avx512 {
template <class Key>
void compare_row(const Key* const rows[9], std::int64_t width, Voxel<Key>* voxels,
                 std::uint8_t* candidates);
}

}  // namespace topoeval::volume
