// Soft skeletons of maps and their derivatives: erosions, openings and what these take away.
//
// The formula stands at topoeval.digital.soft_skeleton, whose torch code gives the same numbers on other
// devices.  Gradients go to the first of equal values: at an erosion to the voxel itself, then to its
// neighbours before and after along each axis; at a dilation, axis by axis, to the voxel before, the
// voxel itself, the voxel after.
#pragma once

#include <cstdint>

#include "../common/interrupt.hpp"

namespace topoeval::digital {

// Maps in C order, one behind the other, without NaN.
template <class T> struct Maps {
  const T* values;
  std::int64_t count;
  std::int64_t sides[3];  // depth is 1 at rank 2
  int rank;
};

// skeletons: as many values as the maps have.
template <class T>
void soft_skeletons(const Maps<T>& maps, int iterations, int threads, Interrupt& interrupt,
                    T* skeletons);

// gradient: of a number by the skeletons; to_maps: of that number by the maps.
template <class T>
void soft_skeleton_gradients(const Maps<T>& maps, const T* gradient, int iterations, int threads,
                             Interrupt& interrupt, T* to_maps);

}  // namespace topoeval::digital
