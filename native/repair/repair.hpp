// Repair: the edits of least cost that give a mask the wanted Betti numbers.
//
// Features too few are created first, one at a time, at the longest bars of the map.  Features too
// many are then removed in batches, in the order of their prices: whole components and cavities, least-cost
// paths (2D), and pieces that homotopic growth leaves over (3D).  An edit is taken if the distance
// |b - wanted| falls; what it changes is known locally (components.hpp), and a count at the head of each
// round takes back a round that was misjudged.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "../batch.hpp"
#include "edits.hpp"

namespace topoeval::repair {

inline constexpr std::int64_t kAny = -1;  // a Betti number that may be what it is

struct Settings {
  bool corners = true;   // foreground adjacency: corners (T) or faces (V)
  bool framed = false;   // foreground beyond the border
  bool uniform = false;  // every voxel costs 1, else |logit|
  bool settle = false;   // flip simple voxels towards the mask of largest expected Dice
  std::uint32_t kinds = (1u << kKinds) - 1;  // that may be used
  double width = 3;      // of structures, in voxels: a path or sheet costs as if it had it
  double radius = 1;     // within which paths are thickened
  double evidence = 0;   // of the shortest bar that a feature is created for
  double limit = std::numeric_limits<double>::infinity();  // of |logit| at any voxel of an edit
  std::int64_t max_change = std::numeric_limits<std::int64_t>::max();  // voxels of an edit
  std::int64_t min_size = 0;  // components and holes of fewer voxels go whatever is wanted
  std::int64_t keep = kAny;   // so many largest components stay, whatever is wanted
};

struct Edit {
  Kind kind;
  double cost;  // sum of |logit|, or voxels
  double bar;   // length of the bar of a created feature; of others, largest |logit|
  std::vector<std::int64_t> voxels;  // positions in the item
};

struct Repaired {
  std::array<std::int64_t, 3> before{}, after{};
  std::vector<Edit> edits;
};

// Item by item, on at most `threads` threads.  masks: bytes; values: float32 in [0, 1]; locked: bytes,
// voxels that may not flip, or no batch.  wanted: one row for each item.  out: one byte for each
// voxel, in C order.
std::vector<Repaired> repair(const Batch& masks, const Batch& values, const Batch* locked,
                             const std::vector<std::array<std::int64_t, 3>>& wanted,
                             const Settings& settings, int threads, Interrupt& interrupt,
                             std::uint8_t* out);

}  // namespace topoeval::repair
