// What cbDice and clM-Dice ask of masks: distances to the background, and skeletons.
#pragma once

#include <cstdint>
#include <vector>

#include "deform.hpp"

namespace topoeval::digital {

// Item by item; out: for each voxel its squared distance to the background, negative on the skeleton,
// which is the thinning of the mask.
void skeleton_depths(const Batch& masks, const Deformation& how, int threads, Interrupt& interrupt,
                     std::int32_t* out);

// What the losses read on a skeleton, voxel by voxel.  With D the distance to the background and R
// the greatest D on the skeleton, at least 1, let q = min(D, R) / R, and r be q on the skeleton, else 0.
struct SkeletonValues {
  std::vector<std::int64_t> places, counts;  // where it is, in the whole batch; how much of it in each item
  std::vector<float> weight;                 // of its own: (R - D + 1) / R to a power
  std::vector<float> other_q, other_r, own_r;
};

// mine, other: what skeleton_depths returned for `count` items of `size` voxels.  power: 0, 1 or 2.  Numbers
// are those of float64, rounded in the end.
SkeletonValues skeleton_values(const std::int32_t* mine, const std::int32_t* other,
                               std::int64_t count, std::int64_t size, int power);

}  // namespace topoeval::digital
