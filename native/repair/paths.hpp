// Least-cost paths through the voxels of one phase that join the components of the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "components.hpp"
#include "edits.hpp"

namespace topoeval::repair {

// A queue for prices, which are small integers: a ring of buckets, one for each sum within reach.
class PriceQueue {
 public:
  void clear() {
    buckets_.resize(kRing);
    for (auto& bucket : buckets_) bucket.clear();
    sum_ = 0;
    count_ = 0;
  }
  void push(std::uint32_t sum, Index item) {
    buckets_[sum % kRing].push_back(item);
    ++count_;
  }
  bool pop(std::uint32_t& sum, Index& item) {
    if (count_ == 0) return false;
    while (buckets_[sum_ % kRing].empty()) ++sum_;
    auto& bucket = buckets_[sum_ % kRing];
    sum = sum_;
    item = bucket.back();
    bucket.pop_back();
    --count_;
    return true;
  }

 private:
  static constexpr std::uint32_t kRing = 4096;  // more than any price
  static_assert(kRing > Grid<2>::kMostPrice);
  std::vector<std::vector<Index>> buckets_;
  std::uint32_t sum_ = 0;
  std::size_t count_ = 0;
};

template <int D> class Paths {
 public:
  static constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();

  Paths(Grid<D>& grid, Components<D>& components) : grid_(grid), components_(components) {}

  // Every voxel of the other phase learns the component of `phase` nearest to it.
  void reach(std::uint8_t phase, Interrupt& interrupt) {
    phase_ = phase;
    const int adjacent = grid_.adjacent(phase);
    distances_.assign(grid_.size, kFar);
    owners_.assign(grid_.size, kNowhere);
    from_.assign(grid_.size, kNowhere);
    queue_.clear();
    grid_.for_each([&](Index at) {
      if (!free(at)) return;
      for (int i = 0; i < adjacent; ++i) {
        const Index near = grid_.step(at, i);
        if (grid_.colour[near] != phase) continue;
        distances_[at] = grid_.prices[at];
        owners_[at] = components_.root(components_.labels[near]);
        queue_.push(distances_[at], at);
        break;
      }
    });
    std::uint32_t sum;
    Index at;
    std::size_t steps = 0;
    while (queue_.pop(sum, at)) {
      if (++steps % 65536 == 0) interrupt.poll();
      if (sum > distances_[at]) continue;
      for (int i = 0; i < adjacent; ++i) {
        const Index near = grid_.step(at, i);
        if (!free(near)) continue;
        const std::uint32_t further = sum + grid_.prices[near];
        if (further >= distances_[near]) continue;
        distances_[near] = further;
        owners_[near] = owners_[at];
        from_[near] = at;
        queue_.push(further, near);
      }
    }
  }

  // After `reach`: for every two components whose surroundings touch, the cheapest path.
  void joins(std::vector<Candidate>& out) const {
    struct Crossing {
      std::uint32_t sum;
      Index a, b;
    };
    std::unordered_map<std::uint64_t, Crossing> best;
    const int adjacent = grid_.adjacent(phase_);
    grid_.for_each([&](Index at) {
      if (owners_[at] == kNowhere) return;
      for (int i = 0; i < adjacent; ++i) {
        const Index near = grid_.step(at, i);
        const bool here = grid_.colour[near] == phase_;
        const Index other = here ? components_.root(components_.labels[near]) : owners_[near];
        if (other == kNowhere || other == owners_[at]) continue;
        const std::uint32_t sum = distances_[at] + (here ? 0 : distances_[near]);
        const std::uint64_t key = static_cast<std::uint64_t>(std::min(other, owners_[at])) << 32 |
                                  std::max(other, owners_[at]);
        const Crossing crossing{sum, at, here ? kNowhere : near};
        const auto [entry, is_new] = best.try_emplace(key, crossing);
        if (!is_new && sum < entry->second.sum) entry->second = crossing;
      }
    });
    std::vector<std::pair<std::uint64_t, Crossing>> sorted(best.begin(), best.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [key, crossing] : sorted) {
      Candidate path;
      path.kind = phase_ ? Kind::join : Kind::open;
      path.to = phase_;
      path.order = crossing.sum;
      path.of = {static_cast<Index>(key >> 32), static_cast<Index>(key)};
      trace(crossing.a, path.voxels);
      trace(crossing.b, path.voxels);
      out.push_back(std::move(path));
    }
  }

  // After `reach` (3D): the ways from voxel `middle` back to the phase on two sides, cheapest first.
  void arches(Index middle, std::size_t most, std::vector<Candidate>& out) const {
    std::vector<Index> ends;
    for (int i = 0; i < Grid<D>::kNear; ++i) {
      const Index near = grid_.step(middle, i);
      const bool adjacent = i < grid_.adjacent(phase_);
      if (adjacent && (grid_.colour[near] == phase_ || owners_[near] != kNowhere)) ends.push_back(near);
    }
    const auto sum_of = [&](Index at) {
      return grid_.colour[at] == phase_ ? 0u : distances_[at];
    };
    std::vector<Candidate> found;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        Candidate arch;
        arch.kind = phase_ ? Kind::bridge : Kind::tunnel;
        arch.to = phase_;
        arch.order = sum_of(ends[i]) + sum_of(ends[j]) + grid_.prices[middle];
        for (const Index end : {ends[i], ends[j]}) {
          if (grid_.colour[end] != phase_) trace(end, arch.voxels);
        }
        if (grid_.colour[middle] != phase_) arch.voxels.push_back(middle);
        std::sort(arch.voxels.begin(), arch.voxels.end());
        arch.voxels.erase(std::unique(arch.voxels.begin(), arch.voxels.end()), arch.voxels.end());
        found.push_back(std::move(arch));
      }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
    if (found.size() > most) found.resize(most);
    std::move(found.begin(), found.end(), std::back_inserter(out));
  }

  // 2D: the least-cost closed path of `phase` that separates voxel `inside` from `outside`, or
  // from the border where that is kNowhere.  States are voxels of a double cover, which a step changes
  // sides in when it crosses the half line to the right of one of the two: a path from a voxel to
  // its own copy separates them.  It may use what is already there for nothing.
  bool ring(std::uint8_t phase, Index inside, Index outside, Candidate& out, Interrupt& interrupt) {
    const int adjacent = grid_.adjacent(phase);
    const auto width = static_cast<Index>(grid_.sides[2]);
    // Components whose voxels cost nothing, by their first voxel.
    starts_.clear();
    seen_.assign(components_.nodes(), 0);
    for (Index at = 0; at < grid_.size; ++at) {
      if (grid_.colour[at] != phase) continue;
      const Index node = components_.root(components_.labels[at]);
      if (seen_[node]) continue;
      seen_[node] = 1;
      starts_.push_back(at);
    }
    const auto crosses = [width](Index a, Index b, Index centre) {
      if (centre == kNowhere) return false;
      const Index row = centre / width, column = centre % width;
      const Index row_a = a / width, row_b = b / width;
      if (row_a == row && row_b == row + 1) return a % width > column;
      if (row_b == row && row_a == row + 1) return b % width > column;
      return false;
    };
    std::uint32_t best = kFar;
    distances_.resize(2 * static_cast<std::size_t>(grid_.size));
    from_.resize(2 * static_cast<std::size_t>(grid_.size));
    if (starts_.size() > kMostStarts) starts_.resize(kMostStarts);
    for (const Index start : starts_) {
      interrupt.poll();
      std::fill(distances_.begin(), distances_.end(), kFar);
      queue_.clear();
      distances_[2 * start] = 0;
      from_[2 * start] = kNowhere;
      queue_.push(0, 2 * start);
      std::uint32_t sum;
      Index state;
      while (queue_.pop(sum, state)) {
        if (sum >= best) break;
        if (sum > distances_[state]) continue;
        if (state == 2 * start + 1) {
          best = sum;
          out.voxels.clear();
          for (Index s = state; s != kNowhere; s = from_[s]) {
            if (grid_.colour[s / 2] != phase) out.voxels.push_back(s / 2);
          }
          break;
        }
        const Index at = state / 2;
        const bool margin = grid_.state[at] & Grid<D>::kMargin;
        for (int i = 0; i < adjacent; ++i) {
          if (margin && !stays(at, i)) continue;
          const Index near = grid_.step(at, i);
          if (near == inside || near == outside) continue;
          const bool own = grid_.colour[near] == phase;
          if (!own && (grid_.state[near] & Grid<D>::kLocked)) continue;
          const std::uint32_t further = sum + (own ? 0 : grid_.prices[near]);
          const bool other_side = crosses(at, near, inside) != crosses(at, near, outside);
          const Index next = 2 * near + ((state & 1) ^ static_cast<Index>(other_side));
          if (further >= distances_[next]) continue;
          distances_[next] = further;
          from_[next] = state;
          queue_.push(further, next);
        }
      }
    }
    if (best == kFar) return false;
    std::sort(out.voxels.begin(), out.voxels.end());
    out.voxels.erase(std::unique(out.voxels.begin(), out.voxels.end()), out.voxels.end());
    out.to = phase;
    out.order = best;
    return true;
  }

  std::size_t bytes() const {
    return (distances_.capacity() + owners_.capacity() + from_.capacity()) * sizeof(Index);
  }
  void release() {
    distances_ = {};
    owners_ = {};
    from_ = {};
  }

 private:
  static constexpr std::size_t kMostStarts = 64;

  bool free(Index at) const {
    return grid_.colour[at] != phase_ && !(grid_.state[at] & Grid<D>::kLocked);
  }
  // Whether a step from a voxel of the margin (2D) ends in the array.
  bool stays(Index at, int direction) const {
    const std::int64_t x = at % grid_.sides[2], y = at / grid_.sides[2];
    const std::int64_t to = static_cast<std::int64_t>(at) + grid_.offsets[direction];
    if (to < 0 || to >= static_cast<std::int64_t>(grid_.size)) return false;
    const std::int64_t to_x = to % grid_.sides[2], to_y = to / grid_.sides[2];
    return std::abs(to_x - x) <= 1 && std::abs(to_y - y) <= 1;
  }
  void trace(Index at, std::vector<Index>& out) const {
    for (; at != kNowhere; at = from_[at]) out.push_back(at);
  }

  Grid<D>& grid_;
  Components<D>& components_;
  PriceQueue queue_;
  std::vector<std::uint32_t> distances_;
  std::vector<Index> owners_, from_, starts_;
  std::vector<std::uint8_t> seen_;
  std::uint8_t phase_ = 1;
};

}  // namespace topoeval::repair
