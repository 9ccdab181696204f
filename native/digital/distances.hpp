// Euclidean distances inside masks, to the nearest voxel outside; beyond the border all is outside.
#pragma once

#include "../batch.hpp"

namespace topoeval::digital {

// Item by item, on at most `threads` threads; out: one value for each voxel, in C order, 0 outside the
// masks, which have items of one byte.
void inner_distances(const Batch& masks, int threads, Interrupt& interrupt, double* out);

}  // namespace topoeval::digital
