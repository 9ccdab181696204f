// The edits that were made: what they changed and cost, and how voxels are struck from them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "edits.hpp"
#include "grid.hpp"

namespace topoeval::repair {

struct Made {
  Kind kind;
  double bar;
  std::vector<Index> voxels;
};

// The voxels that differ from the input, each once.
inline std::vector<Index> changed(const std::vector<Made>& edits) {
  std::vector<Index> all, odd;
  for (const Made& made : edits) all.insert(all.end(), made.voxels.begin(), made.voxels.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0, end; i < all.size(); i = end) {
    for (end = i; end < all.size() && all[end] == all[i];) ++end;
    if ((end - i) % 2 != 0) odd.push_back(all[i]);
  }
  return odd;
}

// What an edit costs at the width of real structures, in the units of the grid's prices.
template <int D> double price(const Grid<D>& grid, const Made& made, double width) {
  double sum = 0;
  for (const Index at : made.voxels) sum += grid.prices[at];
  return sum * factor<D>(made.kind, width);
}

template <int D> void leave_path(Grid<D>& grid, Index at) {
  grid.state[at] &= static_cast<std::uint8_t>(~(Grid<D>::kKept | Grid<D>::kRaised));
}

// Strikes voxels that were flipped back from the last edits that flipped them.
template <int D>
void strike(Grid<D>& grid, std::vector<Made>& edits, std::vector<Index> voxels) {
  std::sort(voxels.begin(), voxels.end());
  std::vector<std::uint8_t> waits(voxels.size(), 1);
  for (std::size_t i = edits.size(); i-- > 0;) {
    auto& own = edits[i].voxels;
    own.erase(std::remove_if(own.begin(), own.end(), [&](Index at) {
      const auto found = std::lower_bound(voxels.begin(), voxels.end(), at);
      if (found == voxels.end() || *found != at) return false;
      const auto place = static_cast<std::size_t>(found - voxels.begin());
      if (!waits[place]) return false;
      waits[place] = 0;
      leave_path(grid, at);
      return true;
    }), own.end());
    if (own.empty()) edits.erase(edits.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace topoeval::repair
