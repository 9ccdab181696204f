// Persistence of a batch against the definition, its own variants and dualities.
#pragma once

#include "arrays.hpp"

namespace topoeval::fuzz {

struct Settings {
  Request request;
  int threads;
  double min_persistence;
  int thick_axis;  // where an image turned into a volume gets its third axis

  Settings(Bytes& in, int rank) {
    request.construction = in.below(2) ? Construction::top_cells : Construction::vertices;
    request.superlevel = in.below(2) != 0;
    request.dims = 1 + static_cast<unsigned>(in.below(rank == 2 ? 3 : 7));
    threads = 1 + in.below(3);
    min_persistence = in.below(4) == 0 ? in.below(8) / 4.0 : 0;
    thick_axis = in.below(3);
  }
};

// Aborts with a line on stderr when something does not hold.
void check_persistence(const Batch& batch, const Settings& settings);

}  // namespace topoeval::fuzz
