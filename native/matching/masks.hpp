// Betti matching of two masks: how many features match, not which.
//
// The counts are those of matching.hpp for maps of zeros and ones, in superlevel direction.  With two
// values the induced matching comes down to this (F_X: the cells of mask X's foreground, with the
// frame if framed; C: the union or the intersection of P and G):
//
//   union.  A cell d outside F_C kills a class alive in P if the boundaries up to d hold more cycles
//   of F_P than those before d.  Let D_P be these cells; then |D_P and D_G in common| match.  In the
//   order F_P, then the rest of F_C, then all else by index, they are the deaths outside F_C of
//   the ordinary bars born in F_P.
//
//   intersection.  Likewise with births: E_P are the cells b of F_C at which the rank of
//   H(C up to b) -> H(F_P) grows, and |E_P and E_G in common| match.  In the order F_C by index,
//   the rest of F_P, all else they are the births in F_C of the bars that outlive F_P.
//
// Dimensions 0 and d-1 need no such order: what matters there are connected components and the
// voxel at which the raster meets them (run_labels.hpp, masks.cpp).  H1 of a volume
// is the business of the engine for volumes, on an image of four levels (mask_loops.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "../batch.hpp"
#include "matching.hpp"

namespace topoeval::matching {

struct MaskMatching {
  std::array<std::int64_t, 3> p{}, g{}, matched{};  // by dimension: Betti numbers, and matches
};

// Item by item, on at most `threads` threads; the result does not depend on their number.  Both
// batches must have the same shape, and items of one byte; any value but 0 is foreground.
// Throws TooLarge, Interrupted, std::bad_alloc.
std::vector<MaskMatching> match_masks(const Batch& p, const Batch& g, Construction construction,
                                      bool framed, Comparison comparison, int threads,
                                      Interrupt& interrupt);

// The Betti numbers alone.
std::vector<std::array<std::int64_t, 3>> betti_numbers(const Batch& masks,
                                                       Construction construction, bool framed,
                                                       int threads, Interrupt& interrupt);

}  // namespace topoeval::matching
