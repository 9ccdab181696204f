// Homotopic deformation of masks: simple voxels are flipped until none is left that may change.
//
// Voxels go by the integer part of their distance to what may not change, lower ones first, and within
// a level by subfields, the 2^d classes of equal coordinate parity.  No two voxels of a
// subfield are neighbours, so it does not matter in which order they flip.  A voxel is looked at again
// only after a neighbour has flipped.  With the mask as what may change this is a thinning.
#pragma once

#include <cstdint>

#include "../batch.hpp"

namespace topoeval::digital {

struct Deformation {
  bool corners = false;    // foreground adjacency: corners (T) or faces (V)
  bool framed = false;     // foreground beyond the border, else background
  bool keep_ends = false;  // leave for good what is the end of a curve when its turn comes, unless a
                           // neighbour is deeper by more than a half: such a curve is a spur
};

// Item by item, on at most `threads` threads; out: one byte for each voxel, in C order; squared, unless
// null: the squared distance of each to what may not change.  Both batches hold items of one byte and
// have one shape.  A foreground component keeps a voxel: the last one is not simple.
void deform(const Batch& masks, const Batch& changeable, const Deformation& how, int threads,
            Interrupt& interrupt, std::uint8_t* out, std::int32_t* squared = nullptr);

}  // namespace topoeval::digital
