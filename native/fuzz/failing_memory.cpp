#include "failing_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace topoeval::fuzz {

namespace {

std::atomic<bool> counting{false}, any_failed{false};
std::atomic<std::int64_t> made{0};
std::int64_t first_failing = FailingMemory::kNone, last_failing = FailingMemory::kNone;

bool fails() noexcept {
  if (!counting.load(std::memory_order_acquire)) return false;
  const std::int64_t number = made.fetch_add(1, std::memory_order_relaxed);
  if (number < first_failing || number >= last_failing) return false;
  any_failed.store(true, std::memory_order_relaxed);
  return true;
}

void* aligned(std::size_t alignment, std::size_t bytes) noexcept {
  void* block = nullptr;
  return posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}

void* checked(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

FailingMemory::FailingMemory(std::int64_t first, std::int64_t count) {
  made.store(0);
  any_failed.store(false);
  first_failing = first;
  last_failing = count > kNone - first ? kNone : first + count;
  counting.store(true, std::memory_order_release);
}
FailingMemory::~FailingMemory() { counting.store(false); }
std::int64_t FailingMemory::allocations() const { return made.load(); }
bool FailingMemory::failed() const { return any_failed.load(); }

}  // namespace topoeval::fuzz

// In the place of the C library's and the C++ runtime's.

using topoeval::fuzz::aligned;
using topoeval::fuzz::checked;
using topoeval::fuzz::fails;

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return fails() ? nullptr : aligned(alignment, bytes);
}

void* operator new(std::size_t bytes) {
  return checked(fails() ? nullptr : std::malloc(bytes != 0 ? bytes : 1));
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return checked(fails() ? nullptr : aligned(static_cast<std::size_t>(alignment), bytes));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return fails() ? nullptr : std::malloc(bytes != 0 ? bytes : 1);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
