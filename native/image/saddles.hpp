// Saddles and the edges they contribute to the two merge trees.
//
// A saddle with k lower pieces has k stretches of higher neighbours around it.  Its k-1
// edges (first piece, j-th piece) join minima going up, its k-1 edges (first stretch, j-th
// stretch) join maxima going down, and every edge does something in exactly one of the two
// trees: that is planar duality, and why H1 needs only the edges that H0 had no use for.
#pragma once

#include <cstdint>

#include "../common/buffer.hpp"
#include "../common/radix_sort.hpp"
#include "masks.hpp"

namespace topoeval::image {

struct Edge {
  std::int32_t a, b;  // the two extrema that it joins: minima first, later maxima
  Position saddle;
  Mask mask;           // of the saddle
  std::uint8_t piece;  // j; 0 when the edge has done its work
  bool one_of_many;    // the saddle has several edges
};

template <class Key> class Saddles {
 public:
  void reset() { count_ = 0; }

  // Called before a row is appended.  A pixel has three edges at most.
  void make_room(std::int64_t pixels) {
    edges_.grow(static_cast<std::size_t>(count_ + 3 * pixels));
    order_.grow(static_cast<std::size_t>(count_ + 3 * pixels));
  }

  void append(Position at, std::uint64_t bits, const Key* keys, const Mask* masks) {
    const LinkTable& table = links();
    for (; bits != 0; bits &= bits - 1) {
      const int x = lowest_bit(bits);
      const int pieces = table[masks[x]].pieces;
      int piece = 1;
      do {
        edges_[count_] = {0, 0, at + static_cast<Position>(x), masks[x],
                          static_cast<std::uint8_t>(piece), pieces > 2};
        order_[count_] = Keyed<Key>::make(keys[x], static_cast<std::uint32_t>(count_));
        ++count_;
      } while (++piece < pieces);
    }
  }

  // Edge numbers by ascending value; raster order settles ties.
  const Keyed<Key>* sort() {
    scratch_.reserve(static_cast<std::size_t>(count_));
    return radix_sort(order_.data(), scratch_.data(), static_cast<std::size_t>(count_));
  }

  std::size_t bytes() const { return edges_.bytes() + order_.bytes() + scratch_.bytes(); }
  std::int64_t count() const { return count_; }
  Edge& operator[](std::size_t number) { return edges_[number]; }
  void prefetch_edge(std::uint32_t number) const { prefetch(edges_.data() + number); }

 private:
  Buffer<Edge> edges_;
  Buffer<Keyed<Key>> order_, scratch_;
  std::int64_t count_ = 0;
};

}  // namespace topoeval::image
