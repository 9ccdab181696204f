// The cheapest way along each of many paths, inside a corridor around it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "../common/interrupt.hpp"
#include "soft_skeleton.hpp"

namespace topoeval::digital {

// Paths through maps: image[i] is the map of path i, its voxels are indices in C order from begin[i] to
// begin[i + 1].
struct Paths {
  const std::int64_t* voxels;
  const std::int64_t* begin;
  const std::int64_t* image;
  std::int64_t count;
};

class NoWay : public std::invalid_argument {
 public:
  NoWay() : std::invalid_argument("prices along a path are infinite: there is no way along it") {}
};

// By path the voxels of its way, first to last, indices in C order.  prices: 0 or more.  The way goes from
// voxel to voxel, through corners too, at most `corridor` voxels from the path; it pays for each of its voxels,
// and a billionth for the step.  It begins and ends at the cheapest voxel within `snap` of the path's ends, of
// equally cheap ones at the nearest, of these at the first.
//
// Ties between ways are settled as scikit-image's route_through_array does: where a voxel has been
// reached at one price from two sides the first stays, and of equally cheap voxels the one is taken next
// that lies foremost in a list to which reached voxels are appended, and where the last of them
// takes the place of the one that is taken.
template <class T>
std::vector<std::vector<std::int64_t>> cheapest_ways(const Maps<T>& prices, const Paths& paths,
                                                     int corridor, int snap, int threads,
                                                     Interrupt& interrupt);

}  // namespace topoeval::digital
