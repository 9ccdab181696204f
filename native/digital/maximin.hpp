// Which voxel decides whether two voxels are joined, for all pairs at once.
//
// Of the paths between two voxels the best is the one whose lowest key is highest; where that lowest
// voxel lies is where the trees of the two meet when voxels are added in falling order of their keys.
// A voxel joins every pair of one voxel of each tree that it touches, itself being a tree too.
#pragma once

#include <cstdint>

#include "../common/interrupt.hpp"
#include "soft_skeleton.hpp"

namespace topoeval::digital {

// labels: a label for each voxel, 0 or less for what belongs to no pair.  corners: voxels touch
// through corners, else through faces.  same, other: for each voxel, the pairs of one label and of
// two labels that it joins.  Of equal keys the voxel with the lower index is added first.
template <class T>
void maximin_pairs(const Maps<T>& keys, const std::int32_t* labels, bool corners, int threads,
                   Interrupt& interrupt, std::int64_t* same, std::int64_t* other);

}  // namespace topoeval::digital
