// Gradient paths: from a voxel down to a minimum, or up to a maximum.
//
// Any lower voxel among the six neighbours will do for the way down: where critical edges make them
// belong to several components of the sublevel set, the voxel joins these before a path from a
// higher one passes.  Only the paths of the critical edges themselves begin at ends that are told apart.
// In the same way any higher voxel of all 26 will do for the way up.
//
// On a plateau or in a long channel a path may be as long as the volume is large, and many may
// run along it.  So one voxel in 32, chosen by a hash, is a milestone: a path that has become
// long notes at each milestone where it led, and later paths stop there.  The notes are
// private to a tracer, the voxels are only read: threads trace side by side.
//
// An image of a few levels has nothing but plateaus.  There every eighth place may have a note from
// the first step on, and all tracers share them: a path has one end, whoever finds it.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "../common/interrupt.hpp"
#include "../common/prefetch.hpp"
#include "bits.hpp"
#include "grid.hpp"
#include "voxel.hpp"

namespace topoeval::volume {

// What the milestones passed so far lead to: a hash table with linear probing.
class Milestones {
 public:
  static std::uint32_t hash(Place place) { return place * 0x9E3779B1u; }
  static bool is_milestone(Place place) { return hash(place) >> 27 == 0; }

  // Returns null where nothing is known yet.
  const Place* find(Place place) const {
    if (entries_.empty()) return nullptr;
    for (std::size_t i = slot(place);; i = (i + 1) & (entries_.size() - 1)) {
      if (entries_[i].milestone == place) return &entries_[i].end;
      if (entries_[i].milestone == kFree) return nullptr;
    }
  }

  void insert(Place milestone, Place end) {
    if (2 * (count_ + 1) > entries_.size()) grow();
    std::size_t i = slot(milestone);
    while (entries_[i].milestone != kFree) i = (i + 1) & (entries_.size() - 1);
    entries_[i] = {milestone, end};
    ++count_;
  }

 private:
  static constexpr Place kFree = 0;  // a corner of the border, where no path passes
  struct Entry {
    Place milestone, end;
  };

  std::size_t slot(Place place) const {
    return static_cast<std::size_t>(place * std::uint64_t{0x9E3779B97F4A7C15u} >> 32) &
           (entries_.size() - 1);
  }

  void grow() {
    std::vector<Entry> old(std::max<std::size_t>(64, 2 * entries_.size()), Entry{kFree, 0});
    old.swap(entries_);
    count_ = 0;
    for (const Entry& entry : old) {
      if (entry.milestone != kFree) insert(entry.milestone, entry.end);
    }
  }

  std::vector<Entry> entries_;
  std::size_t count_ = 0;
};

// Where paths through every eighth place end, as far as somebody knows.
class PathNotes {
 public:
  // places: how many there are; 0 for no notes.
  void clear(std::size_t places) {
    ends_.reset(places == 0 ? nullptr : new std::atomic<Place>[places / kApart + 1]());
  }
  bool any() const { return ends_ != nullptr; }

  // One place in each eight.  Which one depends on the row and the plane, or a path along one of the
  // axes could miss them all.
  static bool may_be_at(Place place) { return (place + (place >> 6)) % kApart == 0; }
  // kNone where nothing is known yet.
  Place find(Place place) const { return ends_[place / kApart].load(std::memory_order_relaxed); }
  void write(Place place, Place end) {
    ends_[place / kApart].store(end, std::memory_order_relaxed);
  }
  static constexpr Place kNone = 0;  // a corner of the border, where no path ends

 private:
  static constexpr Place kApart = 8;
  std::unique_ptr<std::atomic<Place>[]> ends_;
};

// One step of a path; a step of 0 ends it.
class Descent {
 public:
  explicit Descent(const Grid& grid) {
    // Along rows first, where the next voxel is in the same line of the cache.
    constexpr int kNearestFirst[kEdges] = {2, 5, 1, 4, 0, 3};
    for (std::uint32_t edges = 1; edges <= kEdgeBits; ++edges) {
      for (const int e : kNearestFirst) {
        if ((edges >> e & 1) == 0) continue;
        step_[edges] = grid.offset(e);
        break;
      }
    }
  }
  Place step(std::uint32_t bits) const { return step_[bits & kEdgeBits]; }

 private:
  Place step_[1 << kEdges] = {};
};

class Ascent {
 public:
  explicit Ascent(const Grid& grid) {
    for (int n = 0; n < kNeighbours; ++n) step_[n + 1] = grid.offset(n);
  }
  // Corners first: plateaus are crossed diagonally.
  Place step(std::uint32_t bits) const {
    const std::uint32_t higher = ~bits & kAllNeighbours;
    return step_[highest_bit(std::uint64_t{higher} << 1 | 1)];
  }

 private:
  Place step_[kNeighbours + 1] = {};
};

template <class Key, class Path> class Tracer {
 public:
  Tracer(const Grid& grid, const Voxel<Key>* voxels, PathNotes& notes, Interrupt& interrupt)
      : path_(grid), voxels_(voxels), notes_(notes), interrupt_(interrupt) {}

  static constexpr std::size_t kTogether = 64;

  // Replaces up to kTogether places by where the paths from them end: a minimum or maximum, or a
  // place of the border.  The paths are followed side by side, for a single one would mostly
  // wait for memory.
  void trace(Place* places, std::size_t count) {
    if (notes_.any()) {
      trace_noted(places, count);
      return;
    }
    std::uint8_t active[kTogether];
    for (std::size_t i = 0; i < count; ++i) active[i] = static_cast<std::uint8_t>(i);
    for (int steps = 0; steps < kShortPath && count != 0; steps += kStepsPerRound) {
      std::size_t left = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t path = active[i];
        Place place = places[path];
        Place step = 0;
        for (int j = 0; j < kStepsPerRound; ++j) {
          step = path_.step(voxels_[place].bits);  // 0 at the end: steps too many do no harm
          place += step;
        }
        places[path] = place;
        active[left] = path;
        left += step != 0;
      }
      count = left;
    }
    for (std::size_t i = 0; i < count; ++i) places[active[i]] = trace_long(places[active[i]]);
  }

 private:
  static constexpr int kShortPath = 48, kStepsPerRound = 4;

  Place trace_long(Place place) {
    passed_.clear();
    for (std::uint32_t steps = 1;; ++steps) {
      const Place step = path_.step(voxels_[place].bits);
      if (step == 0) break;
      place += step;
      if (Milestones::is_milestone(place)) {
        if (const Place* end = milestones_.find(place)) {
          place = *end;
          break;
        }
        passed_.push_back(place);
      }
      if (steps % 65536 == 0) interrupt_.poll();
    }
    for (Place milestone : passed_) milestones_.insert(milestone, place);
    return place;
  }

  // Few side by side: what one of them finds out the next ones need not.
  void trace_noted(Place* places, std::size_t count) {
    constexpr std::size_t kSideBySide = 8, kMostNotes = 8;
    for (std::size_t first = 0; first < count; first += kSideBySide) {
      const std::size_t some = std::min(kSideBySide, count - first);
      Place* const ends = places + first;
      Place passed[kSideBySide][kMostNotes];
      std::size_t noted[kSideBySide] = {};
      std::uint32_t active = (1u << some) - 1;
      for (std::uint32_t steps = 1; active != 0; ++steps) {
        if (steps % 8192 == 0) interrupt_.poll();
        for_each_bit(active, [&](int i) {
          const Place place = ends[i];
          const Place end = PathNotes::may_be_at(place) ? notes_.find(place) : PathNotes::kNone;
          const Place step = path_.step(voxels_[place].bits);
          if (end != PathNotes::kNone || step == 0) {
            if (end != PathNotes::kNone) ends[i] = end;
            active ^= 1u << i;
            return;
          }
          if (PathNotes::may_be_at(place) && noted[i] < kMostNotes) passed[i][noted[i]++] = place;
          ends[i] = place + step;
          prefetch(&voxels_[ends[i]]);
        });
      }
      for (std::size_t i = 0; i < some; ++i) {
        for (std::size_t k = 0; k < noted[i]; ++k) notes_.write(passed[i][k], ends[i]);
      }
    }
  }

  Path path_;
  const Voxel<Key>* voxels_;
  PathNotes& notes_;
  Interrupt& interrupt_;
  Milestones milestones_;
  std::vector<Place> passed_;
};

}  // namespace topoeval::volume
