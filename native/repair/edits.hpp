// What an edit is.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "grid.hpp"

namespace topoeval::repair {

// Those of a pair are each other's negative: the last bit is the one that a framed mask swaps.
enum class Kind : std::uint8_t {
  remove, fill,    // a component; a hole (2D) or cavity
  join, open,      // two components by a path; a hole with another or the outside
  create, pierce,  // one voxel: a component; a hole or cavity
  split, close,    // a component in two; a hole or cavity out of what was open
  cut, cover,      // a handle, by taking voxels away; by adding them
  bridge, tunnel,  // a handle, by a path of foreground; of background
  thicken, settle,  // simple voxels beside paths; towards the mask of largest expected Dice
};
inline constexpr int kKinds = 14;

inline Kind negative(Kind kind) {
  return kind >= Kind::thicken ? kind : static_cast<Kind>(static_cast<int>(kind) ^ 1);
}

// Whether it adds a feature, which the map may have a bar of.
inline bool creates(Kind kind) {
  return kind >= Kind::create && kind < Kind::thicken && kind != Kind::cut && kind != Kind::cover;
}

// Flips that are wanted together: `centre` to the other colour than the rest, if there is one.
struct Candidate {
  Kind kind = Kind::remove;
  std::uint8_t to = 0;
  double order = 0;  // its price, times the width for what is thinner than real structures are
  float bar = 0;     // length of the bar of a created feature
  Index centre = kNowhere;
  std::array<Index, 2> of{kNowhere, kNowhere};  // a removal's component; the two that a path joins
  std::vector<Index> voxels;
};

using Counts = std::array<std::int64_t, 3>;  // Betti numbers

// Real structures are wider than a path or a sheet of one voxel: what an edit costs at their width.
template <int D> double factor(Kind kind, double width) {
  if (kind <= Kind::fill) return 1;
  const bool curve = D == 3 && (kind == Kind::join || kind == Kind::open);
  return curve ? width * width : width;
}

// What growth in 3D leaves over is named after what it does.
template <int D> Kind kind_of(const Candidate& candidate, const Counts& change) {
  const bool renamed = candidate.kind == Kind::join || candidate.kind == Kind::open ||
                       candidate.kind == Kind::cut || candidate.kind == Kind::cover;
  if (D == 2 || !renamed) return candidate.kind;
  if (candidate.to) {
    return change[0] < 0 ? Kind::join : change[2] < 0 ? Kind::fill : Kind::cover;
  }
  return change[2] < 0 ? Kind::open : change[0] < 0 ? Kind::remove : Kind::cut;
}

}  // namespace topoeval::repair
