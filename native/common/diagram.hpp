// What an engine returns: pairs of voxels, one list per dimension.
#pragma once

#include <cstdint>
#include <vector>

namespace topoeval {

constexpr std::int32_t kNever = -1;  // the death of an essential class

struct Pair {
  Pair() {}  // not initialised: lists are lengthened first and filled afterwards
  Pair(std::int32_t birth_voxel, std::int32_t death_voxel)
      : birth(birth_voxel), death(death_voxel) {}

  std::int32_t birth;  // index, in C order, of the voxel whose value is the birth
  std::int32_t death;  // likewise the death, or kNever
};

// Filled in an order that depends on the input only, never on the number of threads.
struct Diagram {
  std::vector<Pair> pairs[3];

  void clear() {
    for (auto& list : pairs) list.clear();
  }
  std::size_t size() const { return pairs[0].size() + pairs[1].size() + pairs[2].size(); }
};

}  // namespace topoeval
