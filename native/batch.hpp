// A batch of arrays: each is one task, threads take the next one that is free.
#pragma once

#include <cstdint>
#include <vector>

#include "common/engine.hpp"

namespace topoeval {

// (B, H, W) or (B, D, H, W), any strides.
struct Batch {
  ArrayView first;               // item 0
  std::int64_t count = 0;        // B
  std::int64_t stride = 0;       // in bytes, from one item to the next
  int rank = 2;                  // of an item: 2 or 3

  ArrayView item(std::int64_t i) const {
    ArrayView view = first;
    view.data += i * stride;
    return view;
  }
};

// The diagram of each item.  Bars not longer than min_persistence, in the units of the
// values, are left out.  At most `threads` threads work, the caller's among them; none is
// kept afterwards, so a process may fork before and after.  The result does not depend on
// their number.  Throws what the engines throw.
std::vector<Diagram> persistence(const Batch& batch, const Request& request,
                                 double min_persistence, int threads, Interrupt& interrupt);

}  // namespace topoeval
