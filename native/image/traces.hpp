// Gradient paths: from a pixel to the extremum it drains into.
//
// A path follows any lower 4-neighbour to a minimum, or any higher neighbour to a maximum;
// steepest is not needed, for all pixels of a piece lie in one component at that level.
// One byte tells the next step.  Paths are followed many at a time: each step of one waits
// for two loads, and those of many overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/interrupt.hpp"
#include "extrema.hpp"
#include "masks.hpp"

namespace topoeval::image {

template <class Key> class Tracer {
 public:
  void reset(Masks& masks, const Extrema<Key>& extrema, Sense sense) {
    array_ = &masks;
    masks_ = masks.data();
    landmarks_.clear();
    extrema_ = &extrema;
    terminal_ = sense == Sense::down ? Mask{0x00} : Mask{0xFF};
    step_ = masks.route(sense).step;
  }

  static constexpr int kMostPaths = 256;

  // nodes[i]: where the path from at[i] ends.  Leaves each position at its end.
  void follow(Position* at, int count, std::int32_t* nodes, Interrupt& interrupt) {
    const Mask* masks = masks_;
    const std::int32_t* step_to = step_;
    int active[kMostPaths], moving = 0;
    // Most paths are short, and a terminal steps nowhere: all take the first two steps.
    for (int i = 0; i < count; ++i) {
      Position p = at[i];
      p += step_to[masks[p]];
      const std::int32_t step = step_to[masks[p]];
      at[i] = p + step;
      active[moving] = i;
      moving += step != 0;
    }
    for (int round = 0; moving > 0 && round < kLong; ++round) {
      int still = 0;
      for (int k = 0; k < moving; ++k) {
        const int i = active[k];
        const std::int32_t step = step_to[masks[at[i]]];
        at[i] += step;
        active[still] = i;
        still += step != 0;
      }
      moving = still;
    }
    for (int k = 0; k < moving; ++k) at[active[k]] = follow_long(at[active[k]], interrupt);
    number(at, count, nodes);
  }

  // Gives the masks back as they were.
  void clear() {
    for (auto it = landmarks_.rbegin(); it != landmarks_.rend(); ++it) masks_[it->at] = it->mask;
    landmarks_.clear();
  }

  std::size_t bytes() const { return nodes_.bytes(); }

 private:
  static constexpr int kLong = 64, kSpacing = 32;

  struct Landmark {
    Position at;
    Mask mask;
  };

  // On plateaus and along channels many paths share a long way, and walking it again for
  // each would be quadratic.  So a long path leaves landmarks: every 32nd pixel becomes
  // a terminal that knows where the path ends.  Returns the end.
  Position follow_long(Position start, Interrupt& interrupt) {
    nodes_.reserve(static_cast<std::size_t>(array_->size()));
    Position end = start;
    std::uint32_t taken = 0;
    for (std::int32_t step; (step = step_[masks_[end]]) != 0; end += step) {
      if ((++taken & 0xFFFFF) == 0) interrupt.poll();
    }
    std::int32_t node;
    number(&end, 1, &node);
    taken = 0;
    for (Position at = start; at != end; ++taken) {
      const std::int32_t step = step_[masks_[at]];
      if (taken % kSpacing == 0) {
        landmarks_.push_back({at, masks_[at]});
        masks_[at] = terminal_;
        nodes_[at] = node;
      }
      at += step;
    }
    return end;
  }

  // The nodes at the ends of paths.
  void number(const Position* at, int count, std::int32_t* nodes) const {
    extrema_->number(at, nodes, count);
    if (landmarks_.empty()) return;
    for (int i = 0; i < count; ++i) {
      const bool landmark = !extrema_->contains(at[i]) && !array_->is_outside(at[i]);
      if (landmark) nodes[i] = nodes_[at[i]];
    }
  }

  const Masks* array_ = nullptr;
  Mask* masks_ = nullptr;
  const Extrema<Key>* extrema_ = nullptr;
  Mask terminal_ = 0;
  const std::int32_t* step_ = nullptr;
  std::vector<Landmark> landmarks_;
  Buffer<std::int32_t> nodes_;  // by position, at landmarks only: other pages stay untouched
};

}  // namespace topoeval::image
