// Blocks of memory: aligned, and large ones in huge pages where the system grants them.
//
// The engines read large tables in random order.  With 4 KiB pages they would pay twice:
// a fault for each new page (as long as the work on the pixels it holds) and a miss of
// the address cache for most reads.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_MSC_VER)
#include <malloc.h>
#endif

namespace topoeval {

// A cache line, and the widest vector: rows that start anywhere else are read at half speed.
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{1} << 21;

inline void* allocate_block(std::size_t bytes) {
  // Blocks smaller than a huge page are ordinary memory, which malloc keeps from call to call.
  const std::size_t unit = bytes < kHugePage ? kAlignment : kHugePage;
  if (bytes > static_cast<std::size_t>(-1) - unit) throw std::bad_alloc();
  bytes = bytes != 0 ? (bytes + unit - 1) / unit * unit : unit;
#if defined(_MSC_VER)
  void* block = _aligned_malloc(bytes, unit);
#else
  void* block = std::aligned_alloc(unit, bytes);
#endif
  if (block == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (unit == kHugePage) madvise(block, bytes, MADV_HUGEPAGE);  // a wish; refusal is no error
#endif
  return block;
}

inline void free_block(void* block) noexcept {
#if defined(_MSC_VER)
  _aligned_free(block);
#else
  std::free(block);
#endif
}

}  // namespace topoeval
