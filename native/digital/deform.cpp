#include "deform.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/spare.hpp"
#include "../common/team.hpp"
#include "image_deformer.hpp"
#include "inner_distance.hpp"
#include "neighbourhood.hpp"

namespace topoeval::digital {

namespace {

// Of one volume, voxel by voxel.
class VolumeDeformer {
 public:
  void run(const ArrayView& mask, const ArrayView& changeable, const Deformation& how,
           InnerDistance& distance, Interrupt& interrupt, std::uint8_t* out,
           std::int32_t* squared) {
    load(mask, changeable, how.framed, interrupt);
    distance.compute(depths_.data(), sides_, 3, interrupt);
    if (squared != nullptr) store(depths_.data(), mask, squared);
    sort_voxels(interrupt);
    flip(how, interrupt);
    store(colours_.data(), mask, out);
  }

  std::size_t bytes() const {
    return colours_.bytes() + state_.bytes() + depths_.bytes() +
           (voxels_.capacity() + turn_.capacity()) * sizeof(Ranked);
  }

 private:
  using Index = std::uint32_t;
  static constexpr int kAxes = 3;
  static constexpr std::uint8_t kWaiting = 1;  // may change, and has not
  static constexpr std::uint8_t kDue = 2;      // not looked at since a neighbour flipped
  struct Ranked {
    Index voxel;
    std::uint32_t rank;  // level, then subfield
  };

  // Arrays with a margin of one voxel.
  void load(const ArrayView& mask, const ArrayView& changeable, bool framed,
            Interrupt& interrupt) {
    for (int axis = 0; axis < 3; ++axis) sides_[axis] = mask.shape[axis] + 2;
    const std::int64_t size = sides_[0] * sides_[1] * sides_[2];
    if (size > INT64_C(0xFFFFFFFF)) throw std::invalid_argument("an item has too many voxels");
    std::uint8_t* colours = colours_.reserve(static_cast<std::size_t>(size));
    std::uint8_t* state = state_.reserve(static_cast<std::size_t>(size));
    std::int32_t* depths = depths_.reserve(static_cast<std::size_t>(size));
    std::fill_n(colours, size, static_cast<std::uint8_t>(framed));
    std::fill_n(state, size, std::uint8_t{0});
    std::fill_n(depths, size, 0);
    voxels_.clear();
    for (std::int64_t z = 0; z < mask.shape[0]; ++z) {
      for (std::int64_t y = 0; y < mask.shape[1]; ++y) {
        if (y % 256 == 0) interrupt.poll();
        const std::int64_t row = row_begin(z, y);
        const char *in = mask.at(z, y, 0), *may = changeable.at(z, y, 0);
        for (std::int64_t x = 0; x < mask.shape[2]; ++x) {
          colours[row + x] = in[x * mask.strides[2]] != 0;
          const bool waits = may[x * changeable.strides[2]] != 0;
          if (!waits) continue;
          state[row + x] = kWaiting | kDue;
          depths[row + x] = 1;
          voxels_.push_back({static_cast<Index>(row + x), 0});
        }
      }
    }
  }

  std::int64_t row_begin(std::int64_t z, std::int64_t y) const {
    return ((z + 1) * sides_[1] + y + 1) * sides_[2] + 1;
  }

  template <class T> void store(const T* from, const ArrayView& mask, T* out) const {
    for (std::int64_t z = 0; z < mask.shape[0]; ++z) {
      for (std::int64_t y = 0; y < mask.shape[1]; ++y) {
        out = std::copy_n(from + row_begin(z, y), mask.shape[2], out);
      }
    }
  }

  // By level and subfield, then by index.
  void sort_voxels(Interrupt& interrupt) {
    std::uint32_t last = 0;
    const std::int64_t width = sides_[2], height = sides_[1];
    for (Ranked& voxel : voxels_) {
      const std::int64_t row = voxel.voxel / width, x = voxel.voxel % width;
      const std::int64_t y = row % height, z = row / height;
      const auto level = static_cast<std::uint32_t>(std::sqrt(depths_[voxel.voxel]));
      const auto parities = static_cast<std::uint32_t>((z & 1) << 2 | (y & 1) << 1 | (x & 1));
      voxel.rank = level << kAxes | parities;
      last = std::max(last, voxel.rank);
    }
    interrupt.poll();
    starts_.assign(static_cast<std::size_t>(last) + 2, 0);
    for (const Ranked& voxel : voxels_) ++starts_[voxel.rank + 1];
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    turn_.resize(voxels_.size());
    for (const Ranked& voxel : voxels_) turn_[starts_[voxel.rank]++] = voxel;
    turn_.swap(voxels_);
  }

  std::uint32_t code(Index voxel) const {
    std::uint32_t code = 0;
    int bit = 0;
    for (std::int64_t dz = -1; dz <= 1; ++dz) {
      for (std::int64_t dy = -1; dy <= 1; ++dy, bit += 3) {
        const std::uint8_t* at = colours_.data() + voxel + (dz * sides_[1] + dy) * sides_[2] - 1;
        code |= static_cast<std::uint32_t>(at[0] | at[1] << 1 | at[2] << 2) << bit;
      }
    }
    return code & ~(1u << Neighbourhood<kAxes>::kCentre);
  }

  template <class Visit> void for_each_near(Index voxel, Visit visit) const {
    for (std::int64_t dz = -1; dz <= 1; ++dz) {
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        const std::int64_t row = voxel + (dz * sides_[1] + dy) * sides_[2];
        for (std::int64_t dx = -1; dx <= 1; ++dx) visit(static_cast<std::size_t>(row + dx));
      }
    }
  }

  bool is_lasting_end(Index voxel, bool corners) const {
    if (!kNeighbourhood<kAxes>.is_end(code(voxel), corners)) return false;
    std::int32_t deepest = 0;
    for_each_near(voxel, [&](std::size_t i) { deepest = std::max(deepest, depths_[i]); });
    return std::sqrt(deepest) <= std::sqrt(depths_[voxel]) + 0.5;
  }

  void flip(const Deformation& how, Interrupt& interrupt) {
    std::uint8_t *state = state_.data(), *colours = colours_.data();
    for (;;) {
      interrupt.poll();
      turn_.clear();
      for (const Ranked& voxel : voxels_) {
        if (state[voxel.voxel] & kDue) turn_.push_back(voxel);
      }
      if (turn_.empty()) return;
      for (std::size_t first = 0, last; first < turn_.size(); first = last) {
        const std::uint32_t level = turn_[first].rank >> kAxes;
        for (last = first; last < turn_.size() && turn_[last].rank >> kAxes == level;) ++last;
        for (std::size_t i = first; how.keep_ends && i < last; ++i) {
          const Index voxel = turn_[i].voxel;
          if (is_lasting_end(voxel, how.corners)) state[voxel] &= kDue;
        }
        for (std::size_t i = first; i < last; ++i) {
          if (i % 16384 == 0) interrupt.poll();
          const Index voxel = turn_[i].voxel;
          if (!(state[voxel] & kWaiting)) continue;
          state[voxel] = kWaiting;
          if (!kNeighbourhood<kAxes>.is_simple(code(voxel), how.corners)) continue;
          colours[voxel] ^= 1;
          state[voxel] = 0;
          for_each_near(voxel, [&](std::size_t near) { state[near] |= kDue; });
        }
      }
      const auto done = [&](const Ranked& voxel) { return !(state[voxel.voxel] & kWaiting); };
      voxels_.erase(std::remove_if(voxels_.begin(), voxels_.end(), done), voxels_.end());
    }
  }

  std::int64_t sides_[3] = {1, 1, 1};
  Buffer<std::uint8_t> colours_, state_;
  Buffer<std::int32_t> depths_;  // squared
  std::vector<Ranked> voxels_, turn_;
  std::vector<std::size_t> starts_;
};

// One thread's memory.
class Worker {
 public:
  void run(const ArrayView& mask, const ArrayView& changeable, int rank, const Deformation& how,
           Interrupt& interrupt, std::uint8_t* out, std::int32_t* squared) {
    if (rank == 2) {
      images_.run(mask, changeable, how, distance_, interrupt, out, squared);
    } else {
      volumes_.run(mask, changeable, how, distance_, interrupt, out, squared);
    }
  }

  std::size_t bytes() const { return images_.bytes() + volumes_.bytes(); }

 private:
  ImageDeformer images_;
  VolumeDeformer volumes_;
  InnerDistance distance_;
};

struct Workspace {
  std::vector<std::unique_ptr<Worker>> workers;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& worker : workers) sum += worker->bytes();
    return sum;
  }
};

Spare<Workspace> spare;
constexpr std::size_t kMostKept = std::size_t{64} << 20;

}  // namespace

void deform(const Batch& masks, const Batch& changeable, const Deformation& how, int threads,
            Interrupt& interrupt, std::uint8_t* out, std::int32_t* squared) {
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, masks.count)), interrupt);
  std::unique_ptr<Workspace> workspace = spare.take();
  while (workspace->workers.size() < static_cast<std::size_t>(crew.threads())) {
    workspace->workers.push_back(std::make_unique<Worker>());
  }
  crew.run(masks.count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    const std::int64_t from = item * masks.first.size();
    workspace->workers[static_cast<std::size_t>(worker)]->run(
        masks.item(item), changeable.item(item), masks.rank, how, interrupt, out + from,
        squared == nullptr ? nullptr : squared + from);
  });
  if (workspace->bytes() <= kMostKept) spare.leave(std::move(workspace));
}

}  // namespace topoeval::digital
