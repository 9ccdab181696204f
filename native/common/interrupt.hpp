// Why a call ends early: Ctrl-C, or a failure in one of its threads.
//
// One Interrupt exists per call, shared by every thread that works for it, in teams nested to any
// depth.  It alone decides how the call ends:
//
//   1. the user's interrupt counts before all else, because the host has an error set by then;
//   2. otherwise the first failure that a thread reported;
//   3. Interrupted, thrown by poll() in the other threads, is a consequence and never a cause.
//
// Loops call poll() every some ten thousand steps.  Only the thread that owns the
// object asks the host (in Python that takes the GIL, and signals reach one thread only),
// and at most ten times a second; all others look at a flag.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "reserve.hpp"

namespace topoeval {

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class Interrupt {
 public:
  using Check = bool (*)();  // true when the user wants to stop; the host's error is then set

  explicit Interrupt(Check check = nullptr)
      : check_(check), owner_(std::this_thread::get_id()), last_(Clock::now()) {
    (void)make_exception_state();
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Throws Interrupted once the call is to end.
  void poll() {
    if (stopped_.load(std::memory_order_relaxed)) throw Interrupted();
    if (check_ != nullptr && std::this_thread::get_id() == owner_) ask();
  }

  // For a handler: reports the exception that it caught.  Every thread that polls gives up.
  void fail() noexcept {
    try {
      throw;
    } catch (const Interrupted&) {
      stopped_.store(true, std::memory_order_relaxed);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_.store(true, std::memory_order_relaxed);
    }
  }

  // Throws what counts, if the call is to end: the failure, or Interrupted for the user.
  void rethrow() {
    if (!stopped_.load(std::memory_order_relaxed)) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!by_user_ && failure_) std::rethrow_exception(failure_);
    }
    throw Interrupted();
  }

  static constexpr std::chrono::milliseconds period() { return std::chrono::milliseconds(100); }

 private:
  using Clock = std::chrono::steady_clock;

  void ask() {
    const auto now = Clock::now();
    if (now - last_ < period()) return;
    last_ = now;
    if (!check_()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      by_user_ = true;
    }
    stopped_.store(true, std::memory_order_relaxed);
    throw Interrupted();
  }

  Check check_;
  std::thread::id owner_;
  Clock::time_point last_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  bool by_user_ = false;
  std::exception_ptr failure_;
};

}  // namespace topoeval
