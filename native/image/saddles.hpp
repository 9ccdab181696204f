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
  std::int32_t ends[2];  // the extrema that it joins: minima first, later maxima
  Position saddle;
  Mask mask;           // of the saddle
  std::uint8_t piece;  // j; 0 when the edge has done its work
  bool one_of_many;    // the saddle has several edges
};

template <class Key> class Saddles {
 public:
  Saddles() {
    for (int mask = 0; mask < 256; ++mask) pieces_[mask] = links()[static_cast<Mask>(mask)].pieces;
  }

  void reset() { count_ = 0; }

  // Called before a row is appended.  A pixel has three edges at most.
  void make_room(std::int64_t pixels) {
    edges_.grow(static_cast<std::size_t>(count_ + 3 * pixels));
    order_.grow(static_cast<std::size_t>(count_ + 3 * pixels));
  }

  // Most saddles have one edge and some have two, in no order: two are written in any case, and
  // the second stays only where it is one.
  void append(Position at, std::uint64_t bits, const Key* keys, const Mask* masks) {
    Edge* edges = edges_.data();
    Keyed<Key>* order = order_.data();
    std::int64_t count = count_;
    for (; bits != 0; bits &= bits - 1) {
      const int x = lowest_bit(bits);
      const Position saddle = at + static_cast<Position>(x);
      const Mask mask = masks[x];
      const int pieces = pieces_[mask];
      const auto write = [&](std::int64_t number, std::uint8_t piece) {
        edges[number].saddle = saddle;
        edges[number].mask = mask;
        edges[number].piece = piece;
        edges[number].one_of_many = pieces > 2;
        order[number] = Keyed<Key>::make(keys[x], static_cast<std::uint32_t>(number));
      };
      write(count, 1);
      write(count + 1, 2);
      if (pieces == 4) write(count + 2, 3);
      count += pieces - 1;
    }
    count_ = count;
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
  std::uint8_t pieces_[256];
};

}  // namespace topoeval::image
