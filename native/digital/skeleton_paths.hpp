// A skeleton cut into shortest paths that together cover it, the longest first.
#pragma once

#include <cstdint>
#include <vector>

#include "../batch.hpp"
#include "../common/interrupt.hpp"

namespace topoeval::digital {

struct SkeletonPaths {
  std::vector<std::int64_t> voxels;   // indices in C order, path after path
  std::vector<std::int64_t> lengths;  // voxels of each path
  // Two ways of one length led to a voxel of a path, so which is taken is a matter of taste: there
  // are no paths then.
  bool ambiguous = false;
};

// Item by item, bool or uint8.  Voxels are neighbours through corners, too, at their distance.  As long as a
// voxel, in raster order, is on no path or has an edge that no path has used: from it the farthest
// voxel is sought, from that the farthest again, of equally far ones the first, and the shortest path
// between these two uses its edges up.  A path of voxels that all lie on earlier ones is left out.
std::vector<SkeletonPaths> skeleton_paths(const Batch& skeletons, int threads,
                                          Interrupt& interrupt);

}  // namespace topoeval::digital
