#include "skeleton_paths.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "../common/team.hpp"

namespace topoeval::digital {
namespace {

using Place = std::int64_t;  // in the grid with a margin of one voxel, where every voxel has all neighbours
constexpr double kNotReached = std::numeric_limits<double>::infinity();

// One thread's memory.
class Cutter {
 public:
  void run(const ArrayView& skeleton, int rank, Interrupt& interrupt, SkeletonPaths& out) {
    load(skeleton, rank);
    for (const Place seed : nodes_) {
      while (!covered_[at(seed)] || edges_[at(seed)] != 0) {
        interrupt.poll();
        const Place first = farthest_from(seed), last = farthest_from(first);
        if (!trace(first, last)) {
          out = SkeletonPaths();
          out.ambiguous = true;
          return;
        }
        use_edges();
        emit(out);
      }
    }
  }

 private:
  static std::size_t at(Place place) { return static_cast<std::size_t>(place); }

  void load(const ArrayView& skeleton, int rank) {
    const std::int64_t margin_z = rank == 3 ? 1 : 0;
    height_ = skeleton.shape[1], width_ = skeleton.shape[2];
    row_ = width_ + 2, plane_ = (height_ + 2) * row_;
    margin_ = margin_z * plane_ + row_ + 1;
    const std::size_t places = at((skeleton.shape[0] + 2 * margin_z) * plane_);
    count_ = 0;
    for (std::int64_t z = -margin_z; z <= margin_z; ++z) {
      for (std::int64_t y = -1; y <= 1; ++y) {
        for (std::int64_t x = -1; x <= 1; ++x) {
          const double squared = static_cast<double>(z * z + y * y + x * x);
          if (squared == 0) continue;
          step_[count_] = z * plane_ + y * row_ + x;
          length_[count_++] = std::sqrt(squared);
        }
      }
    }
    edges_.assign(places, 0);
    covered_.assign(places, false);
    distance_.assign(places, kNotReached);
    reached_.clear();
    nodes_.clear();
    for (std::int64_t z = 0; z < skeleton.shape[0]; ++z) {
      for (std::int64_t y = 0; y < height_; ++y) {
        const char* in = skeleton.at(z, y, 0);
        for (std::int64_t x = 0; x < width_; ++x) {
          if (in[x * skeleton.strides[2]] == 0) continue;
          const Place place = margin_ + z * plane_ + y * row_ + x;
          nodes_.push_back(place);
          // Both ends of an edge hear of it when the second of them comes.
          edges_[at(place)] = kIsNode;
          for (int k = 0; k < count_ / 2; ++k) {
            std::uint32_t& other = edges_[at(place + step_[k])];
            if (other == 0) continue;
            edges_[at(place)] |= 1u << k;
            other |= 1u << (count_ - 1 - k);
          }
        }
      }
    }
    for (const Place node : nodes_) edges_[at(node)] &= ~kIsNode;
  }

  template <class Visit> void for_each_edge(Place node, Visit visit) const {
    const std::uint32_t edges = edges_[at(node)];
    for (int k = 0; k < count_; ++k) {
      if (edges >> k & 1u) visit(node + step_[k], length_[k]);
    }
  }

  // Distances along unused edges; returns the farthest voxel, the first of several.
  Place farthest_from(Place start) {
    for (const Place node : reached_) distance_[at(node)] = kNotReached;
    reached_.assign(1, start);
    distance_[at(start)] = 0;
    queue_.assign(1, {0, start});
    while (!queue_.empty()) {
      const auto [distance, node] = queue_.front();
      std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
      queue_.pop_back();
      if (distance > distance_[at(node)]) continue;
      for_each_edge(node, [&, from = distance](Place other, double length) {
        double& known = distance_[at(other)];
        if (from + length >= known) return;
        if (known == kNotReached) reached_.push_back(other);
        known = from + length;
        queue_.emplace_back(known, other);
        std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
      });
    }
    Place best = start;
    for (const Place node : reached_) {
      const double d = distance_[at(node)], farthest = distance_[at(best)];
      if (d > farthest || (d == farthest && node < best)) best = node;
    }
    return best;
  }

  // Fills path_ from last to first, by distances from the first.  Before a voxel comes the one that is
  // nearest to the first, of those on its shortest paths; false if two are equally near.
  bool trace(Place first, Place last) {
    path_.assign(1, last);
    while (path_.back() != first) {
      const Place node = path_.back();
      Place before = -1;
      double nearest = kNotReached;
      bool several = false;
      for_each_edge(node, [&](Place other, double length) {
        const double d = distance_[at(other)];
        if (d + length != distance_[at(node)] || d > nearest) return;
        several = d == nearest;
        nearest = d;
        before = other;
      });
      if (several) return false;
      path_.push_back(before);
    }
    return true;
  }

  void use_edges() {
    for (std::size_t i = 1; i < path_.size(); ++i) {
      const Place step = path_[i] - path_[i - 1];
      const int k = static_cast<int>(std::find(step_, step_ + count_, step) - step_);
      edges_[at(path_[i - 1])] &= ~(1u << k);
      edges_[at(path_[i])] &= ~(1u << (count_ - 1 - k));
    }
  }

  void emit(SkeletonPaths& out) {
    bool all_covered = true;
    for (const Place node : path_) {
      all_covered &= covered_[at(node)];
      covered_[at(node)] = true;
    }
    if (all_covered) return;
    for (const Place node : path_) {
      const Place inside = node - margin_;
      const std::int64_t z = inside / plane_, y = inside % plane_ / row_, x = inside % row_;
      out.voxels.push_back((z * height_ + y) * width_ + x);
    }
    out.lengths.push_back(static_cast<std::int64_t>(path_.size()));
  }

  static constexpr std::uint32_t kIsNode = 1u << 31;

  std::int64_t height_ = 0, width_ = 0;
  Place row_ = 0, plane_ = 0, margin_ = 0;
  int count_ = 0;  // of neighbours
  Place step_[26] = {};
  double length_[26] = {};
  std::vector<Place> nodes_, reached_, path_;
  std::vector<std::uint32_t> edges_;  // a bit for each neighbour, those no path has used
  std::vector<bool> covered_;
  std::vector<double> distance_;
  std::vector<std::pair<double, Place>> queue_;
};

}  // namespace

std::vector<SkeletonPaths> skeleton_paths(const Batch& skeletons, int threads,
                                          Interrupt& interrupt) {
  std::vector<SkeletonPaths> found(static_cast<std::size_t>(skeletons.count));
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, skeletons.count)), interrupt);
  std::vector<std::unique_ptr<Cutter>> cutters(static_cast<std::size_t>(crew.threads()));
  for (auto& cutter : cutters) cutter = std::make_unique<Cutter>();
  crew.run(skeletons.count, [&](std::int64_t item, int worker) {
    cutters[static_cast<std::size_t>(worker)]->run(skeletons.item(item), skeletons.rank, interrupt,
                                                   found[static_cast<std::size_t>(item)]);
  });
  return found;
}

}  // namespace topoeval::digital
