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

// Strikes voxels that one of the edits from `first` on flipped and a later one flipped back: a path whose
// component was then removed was never made.
template <int D>
void cancel(Grid<D>& grid, std::vector<Made>& edits, std::size_t first) {
  const auto begin = edits.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<Index> all;
  for (auto made = begin; made != edits.end(); ++made) {
    all.insert(all.end(), made->voxels.begin(), made->voxels.end());
  }
  std::sort(all.begin(), all.end());
  struct Struck {
    Index at;
    std::size_t flips;
    bool is_back;  // no later flip is left
  };
  std::vector<Struck> struck;
  for (std::size_t i = 0, end; i < all.size(); i = end) {
    for (end = i; end < all.size() && all[end] == all[i];) ++end;
    const std::size_t flips = end - i;
    if (flips > 1) struck.push_back({all[i], flips / 2 * 2, flips % 2 == 0});
  }
  if (struck.empty()) return;
  for (auto made = begin; made != edits.end(); ++made) {
    auto& own = made->voxels;
    own.erase(std::remove_if(own.begin(), own.end(), [&](Index at) {
      const auto found = std::lower_bound(struck.begin(), struck.end(), at,
                                          [](const Struck& one, Index voxel) { return one.at < voxel; });
      if (found == struck.end() || found->at != at || found->flips == 0) return false;
      --found->flips;
      if (found->is_back) leave_path(grid, at);
      return true;
    }), own.end());
  }
  edits.erase(std::remove_if(begin, edits.end(), [](const Made& made) { return made.voxels.empty(); }),
              edits.end());
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
