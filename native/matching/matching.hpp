// The induced matching of two barcodes (Bauer and Lesnick, 2015; Stucki et al., ICML 2023).
//
// P and G map to their comparison C, in sublevel language the pointwise minimum ("union").  A bar
// of P matches a bar of C if the image of P in C has a bar with the birth cell of the one
// and the death cell of the other; bars of P and of G that match the same bar of C match each
// other.  With the pointwise maximum ("intersection") C maps to P and G: images have their births in C,
// and bars match that share the birth cell in C.
//
// C itself needs no barcode: an image bar of positive length is part of one of C and of one of P.
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

// Item by item.  Both batches must have the same shape.  Throws NotANumber, TooLarge, Interrupted,
// std::invalid_argument for dtypes without a common one, std::bad_alloc.
std::vector<Matching> betti_matching(const Batch& p, const Batch& g, const Request& request,
                                     Comparison comparison, bool proper, int threads,
                                     Interrupt& interrupt);

}  // namespace topoeval::matching
