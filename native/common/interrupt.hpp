// A way out of long loops: Ctrl-C, or a failure in another thread.
//
// Loops call poll() every some ten thousand steps.  Only the thread that owns the
// object asks the host (in Python that takes the GIL, and signals reach one thread only),
// and at most ten times a second; all others look at a flag.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace topoeval {

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class Interrupt {
 public:
  using Check = bool (*)();  // true when the user wants to stop

  explicit Interrupt(Check check = nullptr)
      : check_(check), owner_(std::this_thread::get_id()), last_(Clock::now()) {}
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void poll() {
    if (check_ != nullptr && std::this_thread::get_id() == owner_) ask();
    if (stopped_.load(std::memory_order_relaxed)) throw Interrupted();
  }

  // Makes every thread that polls give up; for a thread that failed.
  void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }

  static constexpr std::chrono::milliseconds period() { return std::chrono::milliseconds(100); }

 private:
  using Clock = std::chrono::steady_clock;

  void ask() {
    const auto now = Clock::now();
    if (now - last_ < period()) return;
    last_ = now;
    if (check_()) stop();
  }

  Check check_;
  std::thread::id owner_;
  Clock::time_point last_;
  std::atomic<bool> stopped_{false};
};

}  // namespace topoeval
