// Allocations that fail where the fuzzer wants them to.
//
// The executable has its own operator new and aligned_alloc, the two ways by which the engine gets
// memory.  Inside a FailingMemory they count, and from a given one on they fail.
#pragma once

#include <cstdint>

namespace topoeval::fuzz {

class FailingMemory {
 public:
  static constexpr std::int64_t kNone = INT64_MAX;

  // Of the allocations from now on, in whatever thread, those in [first, first + count) fail.
  FailingMemory(std::int64_t first, std::int64_t count);
  ~FailingMemory();
  FailingMemory(const FailingMemory&) = delete;
  FailingMemory& operator=(const FailingMemory&) = delete;

  std::int64_t allocations() const;  // so far
  bool failed() const;               // whether any did
};

}  // namespace topoeval::fuzz
