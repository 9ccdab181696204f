// Large blocks of memory, in huge pages where the system grants them.
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
#endif

namespace topoeval {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

// Blocks below this size are ordinary memory: malloc keeps those pages from call to call.
constexpr std::size_t kLargeBlock = kHugePage;

inline void* allocate_block(std::size_t bytes) {
  void* block = nullptr;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= kLargeBlock) {
    bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    block = std::aligned_alloc(kHugePage, bytes);
    if (block != nullptr) madvise(block, bytes, MADV_HUGEPAGE);  // a wish; refusal is no error
  } else
#endif
  {
    block = std::malloc(bytes != 0 ? bytes : 1);
  }
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

inline void free_block(void* block) noexcept { std::free(block); }

}  // namespace topoeval
