// The induced matching of two barcodes (Bauer and Lesnick, 2015; Stucki et al., ICML 2023).
//
// P and G map to their comparison C, in sublevel language the pointwise minimum ("union").  A bar
// of P matches a bar of C if the image of P in C has a bar with the birth cell of the one
// and the death cell of the other; bars of P and of G that match the same bar of C match each
// other.  With the pointwise maximum ("intersection") C maps to P and G: images have their births in C,
// and bars match that share the birth cell in C.
//
// Ties.  Voxels enter by (value, index), cells with the last of their voxels, and those that enter
// with one voxel by (dimension, first corner, type): see order.hpp and grid.hpp.  The rule is the
// same for P, G and C.  Where values are distinct it is that of Betti-Matching-3D, and so is the result.
//
// What is an image bar?  The reduction pairs births in P with deaths in C, and some of these
// deaths come before the births: there the image has no bar.  The published code matches through
// such pairs all the same, even bars that have no value in common, and so does this by
// default, as long as the bar of C has a length.  With `proper` only image bars that exist count:
// then matched bars overlap.  For two masks there is no difference.
//
// T is computed as V of the reversed order, see common/engine.hpp.  Inclusions turn round with
// the order, so there the union is the intersection of the core.
#pragma once

#include <cstdint>
#include <vector>

#include "../batch.hpp"

namespace topoeval::matching {

constexpr std::int32_t kUnmatched = -2;

// A pair of bars, or a bar whose partner is kUnmatched twice.  Voxels by index in C order;
// a death is kNever for the essential class.
struct Match {
  std::int32_t p_birth, p_death, g_birth, g_death;
};

// By dimension.  The order depends on the input only.
struct Matching {
  std::vector<Match> matches[3];

  std::size_t size() const { return matches[0].size() + matches[1].size() + matches[2].size(); }
};

enum class Comparison : std::uint8_t { union_, intersection };

// Item by item, on at most `threads` threads; the result does not depend on their number.  Both
// batches must have the same shape.  With `general` nothing is made of a G of two values: the rows are
// the same, it takes longer.  Throws NotANumber, TooLarge, Interrupted, std::bad_alloc,
// std::invalid_argument for dtypes without a common one.
std::vector<Matching> betti_matching(const Batch& p, const Batch& g, const Request& request,
                                     Comparison comparison, bool proper, int threads,
                                     Interrupt& interrupt, bool general = false);

}  // namespace topoeval::matching
