#include "batch.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "common/dense_ranks.hpp"
#include "image/engine.hpp"
#if __has_include("volume/engine.hpp")
#include "volume/engine.hpp"
#define TOPOEVAL_HAVE_VOLUME 1
#endif

namespace topoeval {

namespace {

void drop_short_bars(const ArrayView& array, double min_persistence, Diagram& diagram) {
  for (auto& pairs : diagram.pairs) {
    const auto is_short = [&](const Pair& pair) {
      return pair.death != kNever && distance(array, pair.birth, pair.death) <= min_persistence;
    };
    pairs.erase(std::remove_if(pairs.begin(), pairs.end(), is_short), pairs.end());
  }
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

 private:
  template <class Key> struct Engines {
    std::unique_ptr<image::Engine<Key>> image;
#ifdef TOPOEVAL_HAVE_VOLUME
    std::unique_ptr<volume::Engine<Key>> volume;
#endif
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

// The threads of one batch: they share the next free item and the first failure.
class Crew {
 public:
  Crew(const Batch& batch, const Request& request, double min_persistence, int inner_threads,
       Interrupt& interrupt, std::vector<Diagram>& out)
      : batch_(batch), request_(request), min_persistence_(min_persistence),
        inner_threads_(inner_threads), interrupt_(interrupt), out_(out) {}

  void work() noexcept {
    try {
      Worker worker;
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

  void work_with(int helpers) {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(helpers));
    for (int i = 0; i < helpers; ++i) {
      try {
        threads.emplace_back([this] {
          work();
          const std::lock_guard<std::mutex> lock(mutex_);
          ++finished_;
          done_.notify_one();
        });
      } catch (const std::system_error&) {
        break;  // no more threads to be had: fewer do the same
      }
    }
    work();
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
  const auto crew_size = static_cast<int>(
      std::max<std::int64_t>(1, std::min<std::int64_t>(threads, batch.count)));
  // Threads that the batch has no item for work inside the items.
  Crew crew(batch, request, min_persistence, std::max(1, threads / crew_size), interrupt,
            diagrams);
  crew.work_with(crew_size - 1);
  crew.rethrow();
  return diagrams;
}

}  // namespace topoeval
