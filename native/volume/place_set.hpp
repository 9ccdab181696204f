// A set of places that can say where in it a member stands.
//
// The critical voxels of each kind are kept this way rather than as lists with an array of
// numbers beside them: a bit and a quarter per voxel stays in the cache where four bytes
// per voxel would not, and walking the words visits the members in raster order.
#pragma once

#include <cstdint>
#include <cstring>

#include "../common/buffer.hpp"
#include "bits.hpp"
#include "grid.hpp"

namespace topoeval::volume {

class PlaceSet {
 public:
  void clear(std::size_t places) {
    words_ = (places + 63) / 64;
    std::memset(static_cast<void*>(blocks_.reserve(words_)), 0, words_ * sizeof(Block));
    count_ = 0;
  }

  // member must be 0 or 1; adding without asking first keeps a branch out of the callers.
  void add(Place place, std::uint64_t member) {
    blocks_[place >> 6].bits |= member << (place & 63);
  }

  // To be called once all members are in, before rank() and size().
  void number() {
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < words_; ++i) {
      blocks_[i].before = before;
      before += static_cast<std::uint32_t>(count_bits(blocks_[i].bits));
    }
    count_ = before;
  }

  std::size_t bytes() const { return blocks_.bytes(); }
  std::size_t size() const { return count_; }
  std::size_t words() const { return words_; }
  std::uint64_t word(std::size_t i) const { return blocks_[i].bits; }
  std::uint32_t before(std::size_t word) const { return blocks_[word].before; }

  bool contains(Place place) const { return blocks_[place >> 6].bits >> (place & 63) & 1; }

  // How many members come before this place.
  std::uint32_t rank(Place place) const {
    const Block& block = blocks_[place >> 6];
    const std::uint64_t lower = (std::uint64_t{1} << (place & 63)) - 1;
    return block.before + static_cast<std::uint32_t>(count_bits(block.bits & lower));
  }

  // Calls visit(place) for the members in words [first, last), in order.
  template <class Visit> void for_each(std::size_t first, std::size_t last, Visit visit) const {
    for (std::size_t i = first; i < last; ++i) {
      for_each_bit(blocks_[i].bits, [&](int b) { visit(static_cast<Place>(i * 64 + b)); });
    }
  }
  template <class Visit> void for_each(Visit visit) const { for_each(0, words_, visit); }

 private:
  struct Block {
    std::uint64_t bits;
    std::uint32_t before, unused;
  };
  Buffer<Block> blocks_;
  std::size_t words_ = 0, count_ = 0;
};

}  // namespace topoeval::volume
