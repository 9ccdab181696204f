// The inner loop of the gradient pass: one row of voxels against its eight neighbour rows.
#pragma once

#include <cstdint>

#include "voxel.hpp"

namespace topoeval::volume {

// rows[3 * (dz + 1) + (dy + 1)] points at the key of the first voxel of the row at
// (z + dz, y + dy); one key before it and one after its last are read as well.  Writes
// voxels[0 .. width), and to candidates[x] whether the voxel may be critical (never 0 for one
// that is).
void compare_row(const std::int32_t* const rows[9], std::int64_t width, Voxel<std::int32_t>* voxels,
                 std::uint8_t* candidates);
void compare_row(const std::int64_t* const rows[9], std::int64_t width, Voxel<std::int64_t>* voxels,
                 std::uint8_t* candidates);

}  // namespace topoeval::volume
