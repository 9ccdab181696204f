#include "batch.hpp"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include "common/dense_ranks.hpp"
#include "common/spare.hpp"
#include "common/team.hpp"
#include "image/engine.hpp"
#include "volume/engine.hpp"

namespace topoeval {

namespace {

void drop_short_bars(const ArrayView& array, double min_persistence, Diagram& diagram) {
  with_type(array.dtype, [&](auto sample) {
    using T = decltype(sample);
    const auto drop = [&](auto value) {
      for (auto& pairs : diagram.pairs) {
        const auto is_short = [&](const Pair& pair) {
          return pair.death != kNever &&
                 distance(value(pair.birth), value(pair.death)) <= min_persistence;
        };
        pairs.erase(std::remove_if(pairs.begin(), pairs.end(), is_short), pairs.end());
      }
    };
    if (array.contiguous(sizeof(T))) {
      drop([&](std::int64_t i) { return load<T>(array.data + i * sizeof(T)); });
    } else {
      drop([&](std::int64_t i) { return load<T>(array.at(i)); });
    }
  });
}

// One thread's engines, made when first needed and used for all of its items.
class Worker {
 public:
  void run(const ArrayView& array, int rank, const Request& request, double min_persistence,
           int threads, Interrupt& interrupt, Diagram& out) {
    if (meets_reserved_keys(array)) {
      const std::vector<std::int32_t> ranks = dense_ranks(array);
      run_key<std::int32_t>(view_of(ranks, array), rank, request, threads, interrupt, out);
    } else if (needs_wide_keys(array.dtype)) {
      run_key<std::int64_t>(array, rank, request, threads, interrupt, out);
    } else {
      run_key<std::int32_t>(array, rank, request, threads, interrupt, out);
    }
    if (min_persistence > 0) drop_short_bars(array, min_persistence, out);
  }

  std::size_t bytes() const { return narrow_.bytes() + wide_.bytes(); }

 private:
  template <class Key> struct Engines {
    std::unique_ptr<image::Engine<Key>> image;
    std::unique_ptr<volume::Engine<Key>> volume;

    std::size_t bytes() const {
      return (image ? image->bytes() : 0) + (volume ? volume->bytes() : 0);
    }
  };

  Engines<std::int32_t>& engines(std::int32_t) { return narrow_; }
  Engines<std::int64_t>& engines(std::int64_t) { return wide_; }

  template <class Key>
  void run_key(const ArrayView& array, int rank, const Request& request, int threads,
               Interrupt& interrupt, Diagram& out) {
    const Field<Key> field(array, request.superlevel);
    const auto run = [&](auto& engine) {
      using Engine = typename std::remove_reference_t<decltype(engine)>::element_type;
      if (!engine) engine = std::make_unique<Engine>();
      engine->run(field, request, threads, interrupt, out);
    };
    if (rank == 2) {
      run(engines(Key{}).image);
    } else {
      run(engines(Key{}).volume);
    }
  }

  Engines<std::int32_t> narrow_;
  Engines<std::int64_t> wide_;
};

// One for each thread.
struct Workspace {
  std::vector<Worker> workers;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Worker& worker : workers) sum += worker.bytes();
    return sum;
  }
};

Spare<Workspace> spare;

// What one thread needs for 128^3 voxels of noise, and to spare.
constexpr std::size_t kMostKept = std::size_t{256} << 20;

}  // namespace

std::vector<Diagram> persistence(const Batch& batch, const Request& request,
                                 double min_persistence, int threads, Interrupt& interrupt) {
  std::vector<Diagram> diagrams(static_cast<std::size_t>(batch.count));
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, batch.count)), interrupt);
  // Threads that the batch has no item for work inside the items.
  const int inner_threads = std::max(1, threads / crew.threads());

  std::unique_ptr<Workspace> workspace = spare.take();
  workspace->workers.resize(static_cast<std::size_t>(crew.threads()));
  crew.run(batch.count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    workspace->workers[static_cast<std::size_t>(worker)].run(
        batch.item(item), batch.rank, request, min_persistence, inner_threads, interrupt,
        diagrams[static_cast<std::size_t>(item)]);
  });
  // After a failure the workspace is not kept: memory may be short.
  if (workspace->bytes() <= kMostKept) spare.leave(std::move(workspace));
  return diagrams;
}

}  // namespace topoeval
