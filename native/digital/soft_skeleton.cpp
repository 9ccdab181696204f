#include "soft_skeleton.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "../common/cpu.hpp"
#include "../common/spare.hpp"
#include "../common/team.hpp"
#include "scales.hpp"

namespace topoeval::digital {

template <class T> Scales<T> scales() {
#ifdef TOPOEVAL_X86_DISPATCH
  switch (isa()) {
    case Isa::avx512: return avx512::scales<T>();
    case Isa::avx2: return avx2::scales<T>();
    case Isa::baseline: break;
  }
#endif
  return baseline::scales<T>();
}

namespace {

// One thread's memory: arrays of one frame, whose margins nobody writes to.
template <class T> class Worker {
 public:
  void skeleton(const Frame& frame, const T* map, int iterations, Interrupt& interrupt, T* out) {
    take(frame, 3 + frame.axes);
    T *now = array(0), *eroded = array(1), *rest = array(2);
    const std::vector<T*> dilated = arrays(3, frame.axes);
    load(map, now);
    fill(rest, T{1});
    for (int scale = 0; scale <= iterations; ++scale) {
      interrupt.poll();
      scales_.open(frame_, now, eroded, dilated.data(), rest, nullptr, rest);
      std::swap(now, eroded);
    }
    each_row([&](std::int64_t row) {
      for (std::int64_t x = 0; x < frame_.inner[2]; ++x) *out++ = T{1} - rest[row + x];
    });
  }

  void gradient(const Frame& frame, const T* map, const T* by_skeleton, int iterations,
                Interrupt& interrupt, T* out) {
    const int count = iterations + 1;
    const int faces = 2 * frame.axes;
    take(frame, 3 * count + 2 + 2 + 3 + frame.axes + 1 + faces);
    const std::vector<T*> maps = arrays(0, count + 1), before = arrays(count + 1, count + 1),
                          kept = arrays(2 * count + 2, count);
    T *after = array(3 * count + 2), *to_eroded = array(3 * count + 3);
    const std::vector<T*> spare = arrays(3 * count + 4, 3),
                          dilated = arrays(3 * count + 7, frame.axes),
                          shares = arrays(3 * count + 7 + frame.axes, faces + 1);
    load(map, maps[0]);
    load(by_skeleton, before[0]);
    for (std::size_t j = 0; j < kept.size(); ++j) {
      interrupt.poll();
      scales_.open(frame_, maps[j], maps[j + 1], dilated.data(), before[j], kept[j], before[j + 1]);
    }
    fill(after, T{1});
    fill(to_eroded, T{0});
    for (T* share : shares) std::fill_n(share, frame_.size, T{0});
    for (std::size_t j = kept.size(); j-- > 0;) {
      interrupt.poll();
      scales_.open_back(frame_, maps[j], maps[j + 1], kept[j], before[j], after, to_eroded,
                        dilated.data(), shares.data(), spare.data());
    }
    each_row([&](std::int64_t row) {
      out = std::copy_n(to_eroded + row, frame_.inner[2], out);
    });
  }

  std::size_t bytes() const { return memory_.capacity() * sizeof(T); }

 private:
  void take(const Frame& frame, int count) {
    const auto size = static_cast<std::size_t>(frame.size) * static_cast<std::size_t>(count);
    const bool same = frame.axes == frame_.axes && std::equal(frame.inner, frame.inner + 3, frame_.inner);
    if (same && size <= memory_.size()) return;
    memory_.assign(size, std::numeric_limits<T>::quiet_NaN());
    frame_ = frame;
  }

  T* array(int i) { return memory_.data() + i * frame_.size; }

  std::vector<T*> arrays(int from, int count) {
    std::vector<T*> them;
    for (int i = 0; i < count; ++i) them.push_back(array(from + i));
    return them;
  }

  template <class Visit> void each_row(Visit visit) const {
    for (std::int64_t z = 0; z < frame_.inner[0]; ++z) {
      for (std::int64_t y = 0; y < frame_.inner[1]; ++y) {
        visit(frame_.first + z * frame_.plane + y * frame_.row);
      }
    }
  }

  void load(const T* values, T* to) const {
    each_row([&](std::int64_t row) {
      std::copy_n(values, frame_.inner[2], to + row);
      values += frame_.inner[2];
    });
  }

  void fill(T* array, T value) const {
    each_row([&](std::int64_t row) { std::fill_n(array + row, frame_.inner[2], value); });
  }

  const Scales<T> scales_ = scales<T>();
  Frame frame_;
  std::vector<T> memory_;
};

template <class T> struct Workspace {
  std::vector<std::unique_ptr<Worker<T>>> workers;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& worker : workers) sum += worker->bytes();
    return sum;
  }
};

template <class T> Spare<Workspace<T>> spare;
constexpr std::size_t kMostKept = std::size_t{64} << 20;

template <class T> Frame frame_of(const Maps<T>& maps) {
  Frame frame;
  frame.axes = maps.rank;
  std::copy_n(maps.sides, 3, frame.inner);
  const std::int64_t margin_z = maps.rank == 3 ? Frame::kMargin : 0;
  frame.row = frame.inner[2] + 2 * Frame::kMargin;
  frame.plane = (frame.inner[1] + 2 * Frame::kMargin) * frame.row;
  frame.size = (frame.inner[0] + 2 * margin_z) * frame.plane;
  frame.first = margin_z * frame.plane + Frame::kMargin * frame.row + Frame::kMargin;
  const std::int64_t steps[3] = {frame.plane, frame.row, 1};
  std::copy(steps + 3 - frame.axes, steps + 3, frame.steps);
  return frame;
}

template <class T, class Work>
void each_map(const Maps<T>& maps, int threads, Interrupt& interrupt, Work work) {
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, maps.count)), interrupt);
  std::unique_ptr<Workspace<T>> workspace = spare<T>.take();
  while (workspace->workers.size() < static_cast<std::size_t>(crew.threads())) {
    workspace->workers.push_back(std::make_unique<Worker<T>>());
  }
  const Frame frame = frame_of(maps);
  const std::int64_t size = maps.sides[0] * maps.sides[1] * maps.sides[2];
  crew.run(maps.count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    work(*workspace->workers[static_cast<std::size_t>(worker)], frame, item * size);
  });
  if (workspace->bytes() <= kMostKept) spare<T>.leave(std::move(workspace));
}

}  // namespace

template <class T>
void soft_skeletons(const Maps<T>& maps, int iterations, int threads, Interrupt& interrupt,
                    T* skeletons) {
  each_map(maps, threads, interrupt, [&](Worker<T>& worker, const Frame& frame, std::int64_t at) {
    worker.skeleton(frame, maps.values + at, iterations, interrupt, skeletons + at);
  });
}

template <class T>
void soft_skeleton_gradients(const Maps<T>& maps, const T* gradient, int iterations, int threads,
                             Interrupt& interrupt, T* to_maps) {
  each_map(maps, threads, interrupt, [&](Worker<T>& worker, const Frame& frame, std::int64_t at) {
    worker.gradient(frame, maps.values + at, gradient + at, iterations, interrupt, to_maps + at);
  });
}

template void soft_skeletons(const Maps<float>&, int, int, Interrupt&, float*);
template void soft_skeletons(const Maps<double>&, int, int, Interrupt&, double*);
template void soft_skeleton_gradients(const Maps<float>&, const float*, int, int, Interrupt&, float*);
template void soft_skeleton_gradients(const Maps<double>&, const double*, int, int, Interrupt&,
                                      double*);

}  // namespace topoeval::digital
