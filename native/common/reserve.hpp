// A little room in the address space for the first exception of a thread.
//
// The C++ runtime makes a thread's exception state when the thread first throws.  Where there is no
// memory for it glibc aborts the process, and out of memory is just when a thread throws.  So
// whoever starts a thread sets some room aside, and the thread gives it up at the moment
// when it makes that state.  A thread that finds no room is not started.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace topoeval {

// Makes what this thread needs to throw.
inline void make_exception_state() noexcept { (void)std::uncaught_exceptions(); }

class Reserve {
 public:
#if defined(__linux__)
  // Not from malloc: what one thread frees, another one's malloc need not find.
  Reserve() : room_(mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (room_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Reserve() { give_up(); }
#else
  Reserve() = default;
  ~Reserve() = default;
#endif
  Reserve(Reserve&& other) noexcept : room_(std::exchange(other.room_, nullptr)) {}
  Reserve& operator=(Reserve&&) = delete;

  // In the thread that it was made for.
  void spend() noexcept {
    give_up();
    make_exception_state();
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  void give_up() noexcept {
#if defined(__linux__)
    if (room_ != nullptr) munmap(room_, kBytes);
#endif
    room_ = nullptr;
  }

  void* room_ = nullptr;
};

}  // namespace topoeval
