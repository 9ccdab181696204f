// A few threads that work through numbered tasks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "../common/interrupt.hpp"

namespace topoeval::volume {

class Team {
 public:
  Team(int threads, Interrupt& interrupt)
      : threads_(threads < 1 ? 1 : threads), interrupt_(interrupt) {}

  int threads() const { return threads_; }
  Interrupt& interrupt() { return interrupt_; }

  // Calls work(task, worker) for every task in [0, tasks), worker in [0, threads).  Idle
  // workers take the next task.  When one throws, the rest stop at their next poll and the
  // exception comes out here.
  template <class Work> void run(int tasks, Work work) {
    if (threads_ == 1 || tasks <= 1) {
      for (int task = 0; task < tasks; ++task) work(task, 0);
      return;
    }
    std::atomic<int> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto serve = [&](int worker) {
      try {
        for (int task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
          work(task, worker);
        }
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
        interrupt_.stop();
      }
    };
    std::condition_variable done;
    int finished = 0;
    std::vector<std::thread> helpers;
    helpers.reserve(static_cast<std::size_t>(threads_));
    try {
      for (int worker = 1; worker < threads_ && worker < tasks; ++worker) {
        helpers.emplace_back([&, worker] {
          serve(worker);
          const std::lock_guard<std::mutex> lock(mutex);
          ++finished;
          done.notify_one();
        });
      }
    } catch (const std::exception&) {
      // No more threads to be had: those there are do the work.
    }
    serve(0);
    {
      // Only this thread hears of Ctrl-C, so it keeps asking while others work.
      std::unique_lock<std::mutex> lock(mutex);
      const auto all_finished = [&] { return finished == static_cast<int>(helpers.size()); };
      while (!done.wait_for(lock, Interrupt::period(), all_finished)) {
        lock.unlock();
        std::exception_ptr stopped = ask();
        lock.lock();
        if (stopped && !failure) failure = stopped;
      }
    }
    for (auto& helper : helpers) helper.join();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  std::exception_ptr ask() {
    try {
      interrupt_.poll();
    } catch (const Interrupted&) {
      return std::current_exception();
    }
    return nullptr;
  }

  int threads_;
  Interrupt& interrupt_;
};

}  // namespace topoeval::volume
