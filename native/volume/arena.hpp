// Memory for things that are never moved and all freed together.
//
// Threads look at each other's chains while more are made, so a chain must stay where it is.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace topoeval::volume {

class Arena {
 public:
  Arena() = default;
  ~Arena() { clear(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&& other) noexcept
      : blocks_(std::move(other.blocks_)), next_(other.next_), end_(other.end_) {
    other.blocks_.clear();
    other.next_ = other.end_ = nullptr;
  }

  // Aligned to 16 bytes.
  void* allocate(std::size_t bytes) {
    bytes = (bytes + 15) / 16 * 16;
    if (bytes > static_cast<std::size_t>(end_ - next_)) add_block(bytes);
    void* result = next_;
    next_ += bytes;
    return result;
  }

  void clear() {
    for (char* block : blocks_) std::free(block);
    blocks_.clear();
    next_ = end_ = nullptr;
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 20;

  void add_block(std::size_t bytes) {
    const std::size_t size = bytes > kBlock ? bytes : kBlock;
    blocks_.reserve(blocks_.size() + 1);  // before the block, so that it cannot leak
    char* block = static_cast<char*>(std::malloc(size));
    if (block == nullptr) throw std::bad_alloc();
    blocks_.push_back(block);
    next_ = block;
    end_ = block + size;
  }

  std::vector<char*> blocks_;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace topoeval::volume
