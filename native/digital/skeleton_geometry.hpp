// What cbDice and clM-Dice ask of masks: distances and skeletons, weighted by radius.
#pragma once

#include "deform.hpp"

namespace topoeval::digital {

// Item by item three arrays of float32 in C order, one behind the other.  With D the distance to the
// background and R the greatest D on the skeleton, at least 1: q = min(D, R) / R; q on the skeleton,
// else 0; and the weight there, else 0: 1, or, with `boundary`, (R - D + 1) / R to the power of the rank less 1.
// Numbers are those of float64, rounded in the end.
void skeleton_geometry(const Batch& masks, const Deformation& how, bool boundary, int threads,
                       Interrupt& interrupt, float* out);

}  // namespace topoeval::digital
