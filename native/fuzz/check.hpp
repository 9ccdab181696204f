// What the checks of the fuzzer share: a way to fail, and bars in a form to compare.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "common/diagram.hpp"
#include "order.hpp"
#include "witness.hpp"

namespace topoeval::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// The bars of some dimensions, all of them by default.
inline Bars bars_of(const Diagram& diagram, unsigned dims = 7) {
  Bars bars;
  for (int dim = 0; dim < 3; ++dim) {
    if ((dims >> dim & 1) == 0) continue;
    for (const Pair& pair : diagram.pairs[dim]) bars.emplace_back(dim, pair.birth, pair.death);
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

// Without those that begin and end at the same value.
inline Bars of_positive_length(Bars bars, const Order& order) {
  const auto level = [&](std::int32_t v) { return order.level[static_cast<std::size_t>(v)]; };
  bars.erase(std::remove_if(bars.begin(), bars.end(),
                            [&](const Bar& bar) {
                              const auto [dim, birth, death] = bar;
                              return death != kNever && level(birth) == level(death);
                            }),
             bars.end());
  return bars;
}

inline Bars of_dimension(const Bars& bars, int wanted) {
  Bars some;
  for (const Bar& bar : bars) {
    if (std::get<0>(bar) == wanted) some.push_back(bar);
  }
  return some;
}

}  // namespace topoeval::fuzz
