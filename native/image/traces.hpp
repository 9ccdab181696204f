// Gradient paths: from a pixel to the extremum it drains into.
//
// A path follows any lower 4-neighbour to a minimum, or any higher neighbour to a maximum;
// steepest is not needed, for all pixels of a piece lie in one component at that level.
// One byte tells the next step.
#pragma once

#include <cstdint>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/interrupt.hpp"
#include "extrema.hpp"
#include "masks.hpp"

namespace topoeval::image {

enum class Sense { down, up };

template <class Key> class Tracer {
 public:
  void reset(Masks& masks, const Extrema<Key>& extrema, Sense sense) {
    array_ = &masks;
    masks_ = masks.data();
    landmarks_.clear();
    extrema_ = &extrema;
    terminal_ = sense == Sense::down ? Mask{0x00} : Mask{0xFF};
    for (int mask = 0; mask < 256; ++mask) {
      const Link& link = links()[static_cast<Mask>(mask)];
      const int direction = sense == Sense::down ? link.down : link.up;
      step_[mask] = direction < 0 ? 0 : masks.offset(direction);
    }
  }

  // The node where the path from `at` ends.
  std::int32_t follow(Position at, Interrupt& interrupt) {
    // Most paths are short, and a terminal steps nowhere: going a few steps without asking
    // spares a mispredicted branch and lets the paths of neighbouring saddles overlap.
    at += step_[masks_[at]];
    at += step_[masks_[at]];
    at += step_[masks_[at]];
    int taken = 0;
    for (std::int32_t step; (step = step_[masks_[at]]) != 0; at += step) {
      if (++taken > kLong) return follow_long(at, interrupt);
    }
    return landmarks_.empty() ? extrema_->node(at) : node_at(at);
  }

  // Gives the masks back as they were.
  void clear() {
    for (auto it = landmarks_.rbegin(); it != landmarks_.rend(); ++it) masks_[it->at] = it->mask;
    landmarks_.clear();
  }

 private:
  static constexpr int kLong = 64, kSpacing = 32;

  struct Landmark {
    Position at;
    Mask mask;
  };

  // On plateaus and along channels many paths share a long way, and walking it again for
  // each would be quadratic.  So a long path leaves landmarks: every 32nd pixel becomes
  // a terminal that knows where the path ends.
  std::int32_t follow_long(Position start, Interrupt& interrupt) {
    nodes_.reserve(static_cast<std::size_t>(array_->size()));
    Position end = start;
    std::uint32_t taken = 0;
    for (std::int32_t step; (step = step_[masks_[end]]) != 0; end += step) {
      if ((++taken & 0xFFFFF) == 0) interrupt.poll();
    }
    const std::int32_t node = node_at(end);
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
    return node;
  }

  std::int32_t node_at(Position terminal) const {
    const bool landmark = !extrema_->contains(terminal) && !array_->is_outside(terminal);
    return landmark ? nodes_[terminal] : extrema_->node(terminal);
  }

  const Masks* array_ = nullptr;
  Mask* masks_ = nullptr;
  const Extrema<Key>* extrema_ = nullptr;
  Mask terminal_ = 0;
  std::int32_t step_[256] = {};
  std::vector<Landmark> landmarks_;
  Buffer<std::int32_t> nodes_;  // by position, at landmarks only: other pages stay untouched
};

}  // namespace topoeval::image
