// What is known about a voxel: its key and one word.
#pragma once

#include <cstdint>

#include "star.hpp"

namespace topoeval::volume {

constexpr int kPositiveShift = kNeighbours;

template <class Key> struct Voxel {
  Key key;
  // Bits 0-25: which neighbours are lower.  Bits 26-31: which edges of the lower star are
  // positive, i.e. close a loop when they enter; at first all but the one paired with the
  // voxel, later without those that join two components.
  std::uint32_t bits;

  std::uint32_t lower() const { return bits & kAllNeighbours; }
  std::uint32_t positive() const { return bits >> kPositiveShift; }
  // Without a branch: whether an edge joins components cannot be predicted.
  void make_negative_if(bool wanted, int edge) {
    bits &= ~(std::uint32_t{wanted} << (kPositiveShift + edge));
  }
};

}  // namespace topoeval::volume
