#include "cheapest_ways.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>

#include "../common/buffer.hpp"
#include "../common/team.hpp"
#include "leaf_heap.hpp"

namespace topoeval::digital {
namespace {

using Place = std::int32_t;  // in the box around a corridor, which has a margin of one voxel
constexpr int kStepsPerPoll = 16384;

// One thread's memory.
template <class T> class WayFinder {
 public:
  WayFinder(const Maps<T>& maps, int corridor, int snap, Interrupt& interrupt)
      : rank_(maps.rank), corridor_(corridor), snap_(snap), interrupt_(interrupt) {
    std::copy_n(maps.sides, 3, sides_);
  }

  void run(const T* prices, const std::int64_t* path, std::int64_t length,
           std::vector<std::int64_t>& way) {
    interrupt_.poll();
    choose_box(path, length);
    open_corridor(prices, path, length);
    const Place start = snapped(path[0]), end = snapped(path[length - 1]);
    search(start, end);
    for (Place place = end;; place -= step_[from_[at(place)]]) {
      way.push_back(outside_of(place));
      if (place == start) break;
    }
    std::reverse(way.begin(), way.end());
  }

 private:
  struct Voxel {
    std::int64_t at[3];
  };

  static std::size_t at(Place place) { return static_cast<std::size_t>(place); }

  Voxel voxel(std::int64_t index) const {
    return {{index / (sides_[2] * sides_[1]), index / sides_[2] % sides_[1], index % sides_[2]}};
  }
  std::int64_t reach(int axis) const { return axis == 0 && rank_ == 2 ? 0 : corridor_; }
  Place place_of(const Voxel& voxel) const {
    std::int64_t place = 0;
    for (int axis = 0; axis < 3; ++axis) {
      place = place * box_[axis] + voxel.at[axis] - low_[axis] + margin(axis);
    }
    return static_cast<Place>(place);
  }
  std::int64_t margin(int axis) const { return axis == 0 && rank_ == 2 ? 0 : 1; }

  std::int64_t outside_of(Place place) const {
    const std::int64_t z = place / (box_[1] * box_[2]) - margin(0), y = place / box_[2] % box_[1] - 1,
                       x = place % box_[2] - 1;
    return ((z + low_[0]) * sides_[1] + y + low_[1]) * sides_[2] + x + low_[2];
  }

  void choose_box(const std::int64_t* path, std::int64_t length) {
    for (int axis = 0; axis < 3; ++axis) low_[axis] = sides_[axis], high_[axis] = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const Voxel here = voxel(path[i]);
      for (int axis = 0; axis < 3; ++axis) {
        low_[axis] = std::min(low_[axis], here.at[axis]);
        high_[axis] = std::max(high_[axis], here.at[axis] + 1);
      }
    }
    double places = 1;
    for (int axis = 0; axis < 3; ++axis) {
      low_[axis] = std::max<std::int64_t>(low_[axis] - reach(axis), 0);
      high_[axis] = std::min(high_[axis] + reach(axis), sides_[axis]);
      box_[axis] = high_[axis] - low_[axis] + 2 * margin(axis);
      places *= static_cast<double>(box_[axis]);
    }
    if (places > static_cast<double>(std::numeric_limits<Place>::max())) {
      throw std::invalid_argument("the box around a path has more than 2^31 - 1 voxels");
    }
    steps_ = 0;
    for (std::int64_t z = -margin(0); z <= margin(0); ++z) {
      for (std::int64_t y = -1; y <= 1; ++y) {
        for (std::int64_t x = -1; x <= 1; ++x) {
          if (z == 0 && y == 0 && x == 0) continue;
          step_[steps_++] = static_cast<Place>((z * box_[1] + y) * box_[2] + x);
        }
      }
    }
  }

  // Prices in the corridor, -1 outside.
  void open_corridor(const T* prices, const std::int64_t* path, std::int64_t length) {
    const std::size_t places = static_cast<std::size_t>(box_[0] * box_[1] * box_[2]);
    local_.reserve(places);
    position_.reserve(places);
    from_.reserve(places);
    std::fill_n(local_.data(), places, T(-1));
    std::fill_n(position_.data(), places, kNotReached);
    const std::int64_t radius = corridor_, squared = radius * radius;
    for (std::int64_t i = 0; i < length; ++i) {
      const Voxel here = voxel(path[i]);
      for (std::int64_t dz = -reach(0); dz <= reach(0); ++dz) {
        const std::int64_t z = here.at[0] + dz;
        if (z < low_[0] || z >= high_[0]) continue;
        for (std::int64_t dy = -radius; dy <= radius; ++dy) {
          const std::int64_t y = here.at[1] + dy, left = squared - dz * dz - dy * dy;
          if (y < low_[1] || y >= high_[1] || left < 0) continue;
          const std::int64_t half = root(left);
          const std::int64_t first = std::max(here.at[2] - half, low_[2]);
          const std::int64_t end = std::min(here.at[2] + half + 1, high_[2]);
          T* out = local_.data() + place_of({{z, y, first}});
          const T* in = prices + (z * sides_[1] + y) * sides_[2] + first;
          // a tiny price per step: among ways that cost nothing the shortest is taken
          for (std::int64_t x = 0; x < end - first; ++x) out[x] = in[x] + static_cast<T>(1e-9);
        }
      }
    }
  }

  // The greatest integer whose square is at most this.
  static std::int64_t root(std::int64_t square) {
    auto found = static_cast<std::int64_t>(std::sqrt(static_cast<double>(square)));
    while (found * found > square) --found;
    while ((found + 1) * (found + 1) <= square) ++found;
    return found;
  }

  Place snapped(std::int64_t index) const {
    const Voxel end = voxel(index);
    Place best = -1;
    T cheapest = std::numeric_limits<T>::infinity();
    std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
    const std::int64_t snap_z = rank_ == 2 ? 0 : snap_;
    for (std::int64_t dz = -snap_z; dz <= snap_z; ++dz) {
      for (std::int64_t dy = -snap_; dy <= snap_; ++dy) {
        for (std::int64_t dx = -snap_; dx <= snap_; ++dx) {
          const std::int64_t away = dz * dz + dy * dy + dx * dx;
          const Voxel here{{end.at[0] + dz, end.at[1] + dy, end.at[2] + dx}};
          bool inside = away <= std::int64_t{snap_} * snap_;
          for (int axis = 0; axis < 3; ++axis) {
            inside &= here.at[axis] >= low_[axis] && here.at[axis] < high_[axis];
          }
          if (!inside) continue;
          const Place place = place_of(here);
          const T price = local_[at(place)];
          if (price < 0 || price > cheapest || (price == cheapest && away >= nearest)) continue;
          best = place;
          cheapest = price;
          nearest = away;
        }
      }
    }
    return best;
  }

  // Fills from_ along the cheapest ways from the start, until the end is reached.
  void search(Place start, Place end) {
    heap_.clear();
    position_[at(start)] = heap_.push(static_cast<double>(local_[at(start)]), start);
    while (!heap_.empty()) {
      if (++count_ % kStepsPerPoll == 0) interrupt_.poll();
      const std::int32_t foremost = heap_.foremost();
      const Place place = heap_.record(foremost);
      const double paid = heap_.price(foremost);
      position_[at(heap_.record(heap_.size() - 1))] = foremost;
      position_[at(place)] = kTaken;
      heap_.remove(foremost);
      if (place == end) return;
      for (int k = 0; k < steps_; ++k) {
        const Place next = place + step_[k];
        std::int32_t& position = position_[at(next)];
        const T price = local_[at(next)];
        if (position == kTaken || !(price >= 0)) continue;
        const double total = paid + static_cast<double>(price);
        if (!(total < std::numeric_limits<double>::infinity())) continue;
        if (position == kNotReached) {
          position = heap_.push(total, next);
        } else if (total < heap_.price(position)) {
          heap_.lower(position, total);
        } else {
          continue;
        }
        from_[at(next)] = static_cast<std::uint8_t>(k);
      }
    }
    throw NoWay();
  }

  static constexpr std::int32_t kNotReached = -1, kTaken = -2;

  int rank_, corridor_, snap_;
  Interrupt& interrupt_;
  std::int64_t sides_[3], low_[3] = {}, high_[3] = {}, box_[3] = {};
  int steps_ = 0, count_ = 0;
  Place step_[26] = {};
  Buffer<T> local_;
  Buffer<std::int32_t> position_;  // in the heap
  Buffer<std::uint8_t> from_;      // the step that led here
  LeafHeap heap_;
};

}  // namespace

template <class T>
std::vector<std::vector<std::int64_t>> cheapest_ways(const Maps<T>& prices, const Paths& paths,
                                                     int corridor, int snap, int threads,
                                                     Interrupt& interrupt) {
  std::vector<std::vector<std::int64_t>> ways(static_cast<std::size_t>(paths.count));
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, paths.count)), interrupt);
  std::vector<std::unique_ptr<WayFinder<T>>> finders(static_cast<std::size_t>(crew.threads()));
  for (auto& finder : finders) {
    finder = std::make_unique<WayFinder<T>>(prices, corridor, snap, interrupt);
  }
  const std::int64_t voxels = prices.sides[0] * prices.sides[1] * prices.sides[2];
  crew.run(paths.count, [&](std::int64_t path, int worker) {
    finders[static_cast<std::size_t>(worker)]->run(
        prices.values + paths.image[path] * voxels, paths.voxels + paths.begin[path],
        paths.begin[path + 1] - paths.begin[path], ways[static_cast<std::size_t>(path)]);
  });
  return ways;
}

template std::vector<std::vector<std::int64_t>> cheapest_ways(const Maps<float>&, const Paths&, int,
                                                              int, int, Interrupt&);
template std::vector<std::vector<std::int64_t>> cheapest_ways(const Maps<double>&, const Paths&,
                                                              int, int, int, Interrupt&);

}  // namespace topoeval::digital
