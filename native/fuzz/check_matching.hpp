// Betti matching of two batches of one shape: what must hold whatever the matching.
#pragma once

#include "check_persistence.hpp"

namespace topoeval::fuzz {

// Aborts with a line on stderr when something does not hold.
void check_matching(const Batch& p, const Batch& g, const Settings& settings, bool intersection);

}  // namespace topoeval::fuzz
