#include "skeleton_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../common/buffer.hpp"

namespace topoeval::digital {
namespace {

// One item.
struct Depths {
  Depths(const std::int32_t* depths, std::int64_t size) : depth(depths) {
    std::int32_t least = -1;
    for (std::int64_t i = 0; i < size; ++i) least = std::min(least, depths[i]);
    radius = distance(least);
  }

  static double distance(std::int32_t depth) {
    return std::sqrt(std::abs(static_cast<double>(depth)));
  }
  float q(std::int64_t i) const {
    return static_cast<float>(std::min(distance(depth[i]), radius) / radius);
  }
  float r(std::int64_t i) const { return depth[i] < 0 ? q(i) : 0.0f; }

  const std::int32_t* depth;
  double radius;
};

}  // namespace

void skeleton_depths(const Batch& masks, const Deformation& how, int threads, Interrupt& interrupt,
                     std::int32_t* out) {
  const std::int64_t size = masks.count * masks.first.size();
  Buffer<std::uint8_t> skeleton;
  skeleton.reserve(static_cast<std::size_t>(size));
  deform(masks, masks, how, threads, interrupt, skeleton.data(), out);
  for (std::int64_t i = 0; i < size; ++i) out[i] = skeleton[static_cast<std::size_t>(i)] ? -out[i] : out[i];
}

SkeletonValues skeleton_values(const std::int32_t* mine, const std::int32_t* other,
                               std::int64_t count, std::int64_t size, int power) {
  SkeletonValues found;
  for (std::int64_t item = 0; item < count; ++item) {
    const std::size_t before = found.places.size();
    const Depths own(mine + item * size, size), theirs(other + item * size, size);
    for (std::int64_t i = 0; i < size; ++i) {
      if (own.depth[i] >= 0) continue;
      const double thinness = (own.radius - Depths::distance(own.depth[i]) + 1) / own.radius;
      double weight = 1;
      for (int k = 0; k < power; ++k) weight *= thinness;
      found.places.push_back(item * size + i);
      found.weight.push_back(static_cast<float>(weight));
      found.other_q.push_back(theirs.q(i));
      found.other_r.push_back(theirs.r(i));
      found.own_r.push_back(own.r(i));
    }
    found.counts.push_back(static_cast<std::int64_t>(found.places.size() - before));
  }
  return found;
}

}  // namespace topoeval::digital
