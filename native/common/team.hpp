// A few threads that work through numbered tasks.  Teams nest: a task may run a team of its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "interrupt.hpp"
#include "reserve.hpp"

namespace topoeval {

class Team {
 public:
  Team(int threads, Interrupt& interrupt)
      : threads_(threads < 1 ? 1 : threads), interrupt_(interrupt) {}

  int threads() const { return threads_; }
  Interrupt& interrupt() { return interrupt_; }

  // Calls work(task, worker) for every task in [0, tasks), worker in [0, threads).  Idle
  // workers take the next task.  When one throws, the rest stop at their next poll, and what
  // Interrupt::rethrow chooses comes out here.
  template <class Work> void run(std::int64_t tasks, Work work) {
    std::atomic<std::int64_t> next{0};
    const auto serve = [&](int worker) noexcept {
      try {
        for (std::int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
          work(task, worker);
        }
      } catch (...) {
        interrupt_.fail();
        next.store(tasks, std::memory_order_relaxed);
      }
    };
    if (threads_ == 1 || tasks <= 1) {
      serve(0);
    } else {
      Helpers helpers(serve, std::min<std::int64_t>(threads_, tasks) - 1);
      serve(0);
      helpers.wait(interrupt_);
    }
    interrupt_.rethrow();
  }

 private:
  // Threads that serve beside the caller's, joined when this goes.
  class Helpers {
   public:
    template <class Serve> Helpers(const Serve& serve, std::int64_t count) {
      try {
        threads_.reserve(static_cast<std::size_t>(count));
        for (int worker = 1; worker <= count; ++worker) {
          threads_.emplace_back([this, &serve, worker] {
            if (make_exception_state()) serve(worker);  // else the others do its share
            const std::lock_guard<std::mutex> lock(mutex_);
            ++finished_;
            done_.notify_one();
          });
        }
      } catch (const std::exception&) {
        // No more threads or no memory for them: those there are do the work.
      }
    }
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;
    ~Helpers() {
      for (auto& thread : threads_) thread.join();
    }

    // Only the thread that owns the interrupt hears of Ctrl-C: it keeps asking while others work.
    void wait(Interrupt& interrupt) {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto all_finished = [&] { return finished_ == threads_.size(); };
      while (!done_.wait_for(lock, Interrupt::period(), all_finished)) {
        lock.unlock();
        try {
          interrupt.poll();
        } catch (const Interrupted&) {
          // The helpers see it too; what it means is decided after they have ended.
        }
        lock.lock();
      }
    }

   private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t finished_ = 0;
    std::vector<std::thread> threads_;
  };

  int threads_;
  Interrupt& interrupt_;
};

}  // namespace topoeval
