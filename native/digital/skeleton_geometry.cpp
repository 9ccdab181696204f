#include "skeleton_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/team.hpp"

namespace topoeval::digital {
namespace {

void geometry_of_one(const std::uint8_t* skeleton, const std::int32_t* squared, std::int64_t size,
                     int rank, bool boundary, float* out) {
  std::int32_t deepest = 1;
  for (std::int64_t i = 0; i < size; ++i) {
    deepest = std::max(deepest, skeleton[i] ? squared[i] : 0);
  }
  const double radius = std::sqrt(static_cast<double>(deepest));
  const auto quotient = [&](std::int32_t square) {
    return static_cast<float>(std::sqrt(static_cast<double>(square)) / radius);
  };
  // Few squares are so small that they are less than the greatest one, and most occur often.
  std::vector<float> known(static_cast<std::size_t>(std::min<std::int64_t>(deepest, size)));
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = quotient(static_cast<std::int32_t>(i));
  const auto few = static_cast<std::int32_t>(known.size());
  float *on_skeleton = out + size, *weight = out + 2 * size;
  std::fill_n(on_skeleton, 2 * size, 0.0f);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int32_t square = squared[i];
    out[i] = square >= deepest ? 1.0f
             : square < few    ? known[static_cast<std::size_t>(square)]
                               : quotient(square);
    if (!skeleton[i]) continue;
    on_skeleton[i] = out[i];
    double thinness = 1;
    if (boundary) {
      thinness = (radius - std::sqrt(static_cast<double>(square)) + 1) / radius;
      if (rank == 3) thinness *= thinness;
    }
    weight[i] = static_cast<float>(thinness);
  }
}

}  // namespace

void skeleton_geometry(const Batch& masks, const Deformation& how, bool boundary, int threads,
                       Interrupt& interrupt, float* out) {
  const std::int64_t size = masks.first.size();
  Buffer<std::uint8_t> skeletons;
  Buffer<std::int32_t> squared;
  skeletons.reserve(static_cast<std::size_t>(masks.count * size));
  squared.reserve(static_cast<std::size_t>(masks.count * size));
  deform(masks, masks, how, threads, interrupt, skeletons.data(), squared.data());
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, masks.count)), interrupt);
  crew.run(masks.count, [&](std::int64_t item, int) {
    interrupt.poll();
    geometry_of_one(skeletons.data() + item * size, squared.data() + item * size, size, masks.rank,
                    boundary, out + 3 * item * size);
  });
}

SkeletonValues skeleton_values(const float* mine, const float* other, std::int64_t count,
                               std::int64_t size) {
  SkeletonValues found;
  for (std::int64_t item = 0; item < count; ++item) {
    const std::size_t before = found.places.size();
    const float *own = mine + 3 * item * size, *theirs = other + 3 * item * size;
    for (std::int64_t i = 0; i < size; ++i) {
      const float weight = own[2 * size + i];
      if (weight == 0) continue;
      found.places.push_back(item * size + i);
      found.weight.push_back(weight);
      found.other_distance.push_back(theirs[i]);
      found.other_on_skeleton.push_back(theirs[size + i]);
      found.on_skeleton.push_back(own[size + i]);
    }
    found.counts.push_back(static_cast<std::int64_t>(found.places.size() - before));
  }
  return found;
}

}  // namespace topoeval::digital
