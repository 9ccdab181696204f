#include "batch.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "common/dense_ranks.hpp"
#include "image/engine.hpp"
#if __has_include("volume/engine.hpp")
#include "volume/engine.hpp"
#define TOPOEVAL_HAVE_VOLUME 1
#endif

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

// What an engine keeps; one that does not say counts as too much.
template <class Engine, class = void> struct MemoryOf {
  static std::size_t bytes(const Engine&) { return ~std::size_t{0} / 16; }
};
template <class Engine>
struct MemoryOf<Engine, std::void_t<decltype(std::declval<const Engine&>().bytes())>> {
  static std::size_t bytes(const Engine& engine) { return engine.bytes(); }
};

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
#ifdef TOPOEVAL_HAVE_VOLUME
    std::unique_ptr<volume::Engine<Key>> volume;
#endif

    template <class Engine> static std::size_t bytes_of(const std::unique_ptr<Engine>& engine) {
      return engine ? MemoryOf<Engine>::bytes(*engine) : 0;
    }
    std::size_t bytes() const {
      std::size_t sum = bytes_of(image);
#ifdef TOPOEVAL_HAVE_VOLUME
      sum += bytes_of(volume);
#endif
      return sum;
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
#ifdef TOPOEVAL_HAVE_VOLUME
      run(engines(Key{}).volume);
#else
      throw std::invalid_argument("this build has no engine for volumes");
#endif
    }
  }

  Engines<std::int32_t> narrow_;
  Engines<std::int64_t> wide_;
};

// What a call leaves for the next one.  A training step makes the same call over and over;
// with memory fresh from the system it would spend a third of its time on page faults.
class Workspace {
 public:
  // One workspace is kept for the process.  Taking and leaving it is one atomic exchange:
  // calls from several threads do not wait for each other, and a fork cannot meet a lock.
  static std::unique_ptr<Workspace> take() {
    std::unique_ptr<Workspace> spare(spare_.exchange(nullptr));
    return spare ? std::move(spare) : std::make_unique<Workspace>();
  }
  static void leave(std::unique_ptr<Workspace> workspace) {
    if (workspace->bytes() > kMostKept) return;
    delete spare_.exchange(workspace.release());
  }

  std::vector<Worker> workers;

 private:
  // What one thread needs for 128^3 voxels of noise, and to spare.
  static constexpr std::size_t kMostKept = std::size_t{256} << 20;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Worker& worker : workers) sum += worker.bytes();
    return sum;
  }

  static std::atomic<Workspace*> spare_;
};

std::atomic<Workspace*> Workspace::spare_{nullptr};

// The threads of one batch: they share the next free item and the first failure.
class Crew {
 public:
  Crew(const Batch& batch, const Request& request, double min_persistence, int inner_threads,
       Interrupt& interrupt, std::vector<Worker>& workers, std::vector<Diagram>& out)
      : batch_(batch), request_(request), min_persistence_(min_persistence),
        inner_threads_(inner_threads), interrupt_(interrupt), workers_(workers), out_(out) {}

  void work(Worker& worker) noexcept {
    try {
      for (std::int64_t i; (i = next_.fetch_add(1)) < batch_.count;) {
        interrupt_.poll();
        worker.run(batch_.item(i), batch_.rank, request_, min_persistence_, inner_threads_,
                   interrupt_, out_[static_cast<std::size_t>(i)]);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();  // what follows is Interrupted only
      interrupt_.stop();
    }
  }

  // With one thread for each worker, the caller's being the first.
  void work() {
    const std::size_t helpers = workers_.size() - 1;
    std::vector<std::thread> threads;
    threads.reserve(helpers);
    for (std::size_t i = 1; i <= helpers; ++i) {
      try {
        threads.emplace_back([this, i] {
          work(workers_[i]);
          const std::lock_guard<std::mutex> lock(mutex_);
          ++finished_;
          done_.notify_one();
        });
      } catch (const std::exception&) {
        break;  // no more threads to be had: fewer do the same
      }
    }
    work(workers_[0]);
    wait_for(static_cast<int>(threads.size()));
    for (auto& thread : threads) thread.join();
  }

  void rethrow() {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // Only this thread hears of Ctrl-C, so it keeps asking while others work.
  void wait_for(int helpers) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!done_.wait_for(lock, Interrupt::period(), [&] { return finished_ == helpers; })) {
      lock.unlock();
      try {
        interrupt_.poll();
      } catch (const Interrupted&) {
        lock.lock();
        if (!failure_) failure_ = std::current_exception();
        lock.unlock();
      }
      lock.lock();
    }
  }

  const Batch& batch_;
  const Request& request_;
  double min_persistence_;
  int inner_threads_;
  Interrupt& interrupt_;
  std::vector<Worker>& workers_;
  std::vector<Diagram>& out_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::condition_variable done_;
  int finished_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

std::vector<Diagram> persistence(const Batch& batch, const Request& request,
                                 double min_persistence, int threads, Interrupt& interrupt) {
  std::vector<Diagram> diagrams(static_cast<std::size_t>(batch.count));
  const auto crew_size = static_cast<std::size_t>(
      std::max<std::int64_t>(1, std::min<std::int64_t>(threads, batch.count)));
  // Threads that the batch has no item for work inside the items.
  const int inner_threads = std::max(1, threads / static_cast<int>(crew_size));

  std::unique_ptr<Workspace> workspace = Workspace::take();
  workspace->workers.resize(crew_size);
  Crew crew(batch, request, min_persistence, inner_threads, interrupt, workspace->workers,
            diagrams);
  crew.work();
  crew.rethrow();  // after a failure the workspace is not kept: memory may be short
  Workspace::leave(std::move(workspace));
  return diagrams;
}

}  // namespace topoeval
