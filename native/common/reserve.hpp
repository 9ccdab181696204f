// Memory for the first exception of a thread.
//
// The C++ runtime makes a thread's exception state when the thread first throws.  Where there is no
// memory for it glibc aborts the process, and out of memory is just when a thread throws.  So a
// thread makes this state before its first task, and one that cannot make it does no task.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <exception>

namespace topoeval {

// Whether this thread can throw from now on.
//
// The state is one small block from malloc.  Its size is the runtime's secret, so one block of each
// small size is taken and given back: malloc keeps them for this thread alone, and no other
// thread can take them before the state is made.
inline bool make_exception_state() noexcept {
  constexpr std::size_t kStep = 2 * sizeof(void*);
  std::array<void*, 64> blocks{};  // the sizes that glibc keeps by thread: up to 1032 bytes
  bool all = true;
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    blocks[k] = std::malloc((k + 1) * kStep);
    all = all && blocks[k] != nullptr;
  }
  // Used, or the compiler may leave out the calls.
  for (void* block : blocks) {
    if (block != nullptr) *static_cast<volatile char*>(block) = 0;
    std::free(block);
  }
  // The function is declared pure: where its result is not used, no call is made.
  return all && std::uncaught_exceptions() >= 0;
}

}  // namespace topoeval
