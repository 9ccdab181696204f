// What cbDice and clM-Dice ask of masks: distances and skeletons, weighted by radius.
#pragma once

#include <cstdint>
#include <vector>

#include "deform.hpp"

namespace topoeval::digital {

// Item by item three arrays of float32 in C order, one behind the other.  With D the distance to the
// background and R the greatest D on the skeleton, at least 1: q = min(D, R) / R; q on the skeleton,
// else 0; and the weight there, else 0: 1, or, with `boundary`, (R - D + 1) / R to the power of the rank less 1.
// Numbers are those of float64, rounded in the end.
void skeleton_geometry(const Batch& masks, const Deformation& how, bool boundary, int threads,
                       Interrupt& interrupt, float* out);

// What both loss terms read on a skeleton, voxel by voxel: where it is, in the whole batch, and there the
// weight of its own geometry, the two distances of the other one, and its own distance.
struct SkeletonValues {
  std::vector<std::int64_t> places, counts;  // counts: by item
  std::vector<float> weight, other_distance, other_on_skeleton, on_skeleton;
};

// mine, other: what skeleton_geometry returned for `count` items of `size` voxels.
SkeletonValues skeleton_values(const float* mine, const float* other, std::int64_t count,
                               std::int64_t size);

}  // namespace topoeval::digital
