// Memory for things that are never moved and all given up together.
//
// Threads look at each other's chains while more are made, so a chain must stay where it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "../common/pages.hpp"

namespace topoeval::volume {

class Arena {
 public:
  Arena() = default;
  ~Arena() { free_all(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&& other) noexcept
      : blocks_(std::move(other.blocks_)),
        used_(other.used_),
        next_(other.next_),
        end_(other.end_) {
    other.forget();
  }

  // Aligned to 16 bytes.
  void* allocate(std::size_t bytes) {
    bytes = (bytes + 15) / 16 * 16;
    while (bytes > static_cast<std::size_t>(end_ - next_)) next_block(bytes);
    void* result = next_;
    next_ += bytes;
    return result;
  }

  // Gives up all that was allocated, and keeps the memory for the next time.
  void rewind() {
    used_ = 0;
    next_ = end_ = nullptr;
  }

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.size;
    return sum;
  }

 private:
  struct Block {
    char* data;
    std::size_t size;
  };
  // Small volumes need little; large ones get huge pages.
  static constexpr std::size_t kFirstBlock = std::size_t{1} << 18,
                               kLargestBlock = std::size_t{1} << 23;

  void next_block(std::size_t bytes) {
    if (used_ == blocks_.size()) {
      const std::size_t grown = blocks_.empty() ? kFirstBlock : 2 * blocks_.back().size;
      const std::size_t size = std::max(bytes, std::min(grown, kLargestBlock));
      blocks_.reserve(used_ + 1);  // before the block, so that it cannot leak
      blocks_.push_back({static_cast<char*>(allocate_block(size)), size});
    }
    next_ = blocks_[used_].data;
    end_ = next_ + blocks_[used_].size;
    ++used_;
  }

  void free_all() {
    for (const Block& block : blocks_) free_block(block.data);
    forget();
  }
  void forget() {
    blocks_.clear();
    rewind();
  }

  std::vector<Block> blocks_;
  std::size_t used_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace topoeval::volume
