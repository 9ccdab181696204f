// Flips of simple voxels, which leave the topology as it is: paths are thickened, masks settled.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include "grid.hpp"

namespace topoeval::repair {

template <int D> class Polish {
 public:
  explicit Polish(Grid<D>& grid) : grid_(grid) {}

  // Takes back what was flipped and is not needed: simple voxels, the dearest first.  `changed` are the
  // voxels that differ from the input; those taken back are added to `flipped`.
  void relax(const std::vector<Index>& changed, std::vector<Index>& flipped, Interrupt& interrupt) {
    waits_.assign(grid_.size, 0);
    for (const Index at : changed) waits_[at] = 1;
    flip([&](Index at) { return static_cast<float>(grid_.prices[at]); }, Grid<D>::kLocked, changed,
         listed(flipped), interrupt);
  }

  // A path and the voxels raised beside it.
  struct Path {
    const std::vector<Index>* voxels;
    std::int64_t room;  // how many more it may take
    std::vector<Index> raised;
  };

  // Raises what lies within `radius` of the raised voxels of paths, likely foreground first; each voxel
  // counts for the first path that it is beside.  raised: the colour of the grid that is foreground of the
  // input; dearest: the highest price of a voxel that may flip.
  void thicken(double radius, std::uint8_t raised, double dearest, std::vector<Path>& paths,
               Interrupt& interrupt) {
    const auto reach = static_cast<std::int64_t>(radius);
    std::vector<std::int64_t> ball;
    const std::int64_t deep = D == 3 ? reach : 0;
    for (std::int64_t dz = -deep; dz <= deep; ++dz) {
      for (std::int64_t dy = -reach; dy <= reach; ++dy) {
        for (std::int64_t dx = -reach; dx <= reach; ++dx) {
          if (static_cast<double>(dz * dz + dy * dy + dx * dx) > radius * radius) continue;
          ball.push_back((dz * grid_.sides[1] + dy) * grid_.sides[2] + dx);
        }
      }
    }
    waits_.assign(grid_.size, 0);
    using Beside = std::pair<Index, std::size_t>;  // a voxel and its path
    std::vector<Beside> beside;
    for (std::size_t path = 0; path < paths.size(); ++path) {
      for (const Index at : *paths[path].voxels) {
        if (!(grid_.state[at] & Grid<D>::kRaised)) continue;
        for (const std::int64_t offset : ball) {
          const std::int64_t near = static_cast<std::int64_t>(at) + offset;
          if (near < 0 || near >= static_cast<std::int64_t>(grid_.size)) continue;
          // Rows wrap round: only what is near in x and y.
          const std::int64_t x = near % grid_.sides[2] - at % grid_.sides[2];
          const std::int64_t y = near / grid_.sides[2] % grid_.sides[1] - at / grid_.sides[2] % grid_.sides[1];
          if (std::abs(x) > reach || std::abs(y) > reach) continue;
          const auto voxel = static_cast<Index>(near);
          if (waits_[voxel] || grid_.colour[voxel] == raised || grid_.prices[voxel] > dearest) continue;
          waits_[voxel] = 1;
          beside.push_back({voxel, path});
        }
      }
    }
    std::sort(beside.begin(), beside.end());
    std::vector<Index> waiting;
    waiting.reserve(beside.size());
    for (const Beside& one : beside) waiting.push_back(one.first);
    const auto path_of = [&](Index at) -> Path& {
      const auto place = std::lower_bound(waiting.begin(), waiting.end(), at) - waiting.begin();
      return paths[beside[static_cast<std::size_t>(place)].second];
    };
    const auto likelihood = [&](Index at) { return raised ? grid_.values[at] : -grid_.values[at]; };
    const auto take = [&](Index at) {
      Path& path = path_of(at);
      if (path.room <= 0) return false;
      --path.room;
      path.raised.push_back(at);
      grid_.state[at] |= Grid<D>::kKept;
      return true;
    };
    flip(likelihood, kStays, waiting, take, interrupt);
  }

  // Towards the mask p >= t whose expected Dice is largest, for calibrated probabilities.
  void settle(std::uint8_t raised, double dearest, std::vector<Index>& flipped, Interrupt& interrupt) {
    std::vector<float> sorted;
    grid_.for_each([&](Index at) {
      sorted.push_back(raised ? grid_.values[at] : 1 - grid_.values[at]);
    });
    std::sort(sorted.begin(), sorted.end(), std::greater<float>());
    const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
    double sum = 0, best = -1;
    float cut = 0.5f;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      sum += sorted[i];
      if (i + 1 < sorted.size() && sorted[i + 1] == sorted[i]) continue;
      const double dice = 2 * sum / (static_cast<double>(i + 1) + total);
      if (dice > best) {
        best = dice;
        cut = sorted[i];
      }
    }
    const auto logit = [](float p) {
      const float clipped = std::min(std::max(p, 1e-4f), 1 - 1e-4f);
      return std::log(clipped / (1 - clipped));
    };
    const auto gain = [&](Index at) {
      const float p = raised ? grid_.values[at] : 1 - grid_.values[at];
      return std::fabs(logit(p) - logit(cut));
    };
    waits_.assign(grid_.size, 0);
    grid_.for_each([&](Index at) {
      const float p = raised ? grid_.values[at] : 1 - grid_.values[at];
      waits_[at] = (grid_.colour[at] == raised) != (p >= cut) && grid_.prices[at] <= dearest;
    });
    flip(gain, kStays, waiting(), listed(flipped), interrupt);
  }

 private:
  static constexpr std::uint8_t kStays = Grid<D>::kKept | Grid<D>::kLocked;

  std::vector<Index> waiting() const {
    std::vector<Index> found;
    grid_.for_each([&](Index at) {
      if (waits_[at]) found.push_back(at);
    });
    return found;
  }

  static auto listed(std::vector<Index>& flipped) {
    return [&flipped](Index at) {
      flipped.push_back(at);
      return true;
    };
  }

  // Flips simple voxels of those that wait and have no state of `stays`, the largest gain first; `take` is
  // told each, and returns whether it may flip.
  template <class Gain, class Take>
  void flip(Gain gain, std::uint8_t stays, const std::vector<Index>& waiting, Take take,
            Interrupt& interrupt) {
    using Entry = std::pair<float, Index>;
    std::priority_queue<Entry> queue;
    const auto push = [&](Index at) {
      if (waits_[at] && !(grid_.state[at] & stays)) queue.push({gain(at), at});
    };
    for (const Index at : waiting) push(at);
    std::size_t steps = 0;
    while (!queue.empty()) {
      if (++steps % 65536 == 0) interrupt.poll();
      const Index at = queue.top().second;
      queue.pop();
      if (!waits_[at] || !grid_.simple(grid_.colour.data(), at) || !take(at)) continue;
      grid_.colour[at] ^= 1;
      waits_[at] = 0;
      for (int i = 0; i < Grid<D>::kNear; ++i) push(grid_.step(at, i));
    }
  }

  Grid<D>& grid_;
  std::vector<std::uint8_t> waits_;
};

}  // namespace topoeval::repair
