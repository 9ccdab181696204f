// H1 of a volume by column reduction, with rows in one order and columns in another.
//
// Rows are edges, columns are squares.  With one order for both the pairs are the barcode; with
// the order in which things are born for rows and that in which they die for columns they are
// the barcode of the image (Cohen-Steiner, Edelsbrunner, Harer and Morozov, 2009; Bauer and
// Schmahl, 2022).
//
// Columns come in their order.  Most find their last edge free and claim it as they are;
// nothing is stored for these but the number of the square.  The others are reduced in a
// PivotTree and what is left of them is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "cubes.hpp"
#include "order.hpp"
#include "pivot_tree.hpp"

namespace topoeval::matching {

// Cells by their positions in their orders: rank of the last voxel, then number in its star.
constexpr int kEdgeBits = 3, kSquareBits = 4;

struct Loop {
  std::uint32_t edge, square;
};

class LoopReduction {
 public:
  // Calls emit(edge, square) for every pair, by ascending squares.
  template <class Emit>
  void run(const Ranks& rows, const Ranks& columns, const NegativeSquares& negative,
           const Grid<3>& grid, Interrupt& interrupt, Emit emit) {
    rows_ = &rows;
    columns_ = &columns;
    grid_ = &grid;
    const auto voxels = static_cast<std::uint32_t>(grid.voxels());
    const std::size_t edges = std::size_t{voxels + 2} << kEdgeBits;
    find_first_edges();
    owner_.assign(edges, Owner{0, 0});
    chain_.reset(edges);
    stored_.clear();
    start_.assign(2, 0);

    std::uint32_t steps = 0;
    for (std::uint32_t rank = 1; rank <= voxels; ++rank) {
      if (rank % 65536 == 0) interrupt.poll();
      for (std::uint32_t squares = negative.of(rank); squares != 0; squares &= squares - 1) {
        const auto square =
            rank << kSquareBits | static_cast<std::uint32_t>(volume::lowest_bit(squares));
        std::uint32_t boundary[4];
        const int count = this->boundary(square, boundary);
        std::uint32_t pivot = 0;
        for (int i = 0; i < count; ++i) pivot = std::max(pivot, boundary[i]);
        if (owner_[pivot].square == 0) {
          owner_[pivot] = {square, 0};
        } else {
          for (int i = 0; i < count; ++i) chain_.toggle(boundary[i]);
          pivot = reduce(steps, interrupt);
          owner_[pivot] = {square, store()};
        }
        emit(pivot, square);
      }
    }
  }

 private:
  // Squares and chains are counted from 1.  Without a chain the column is the square's boundary.
  struct Owner {
    std::uint32_t square, chain;
  };

  // Adds columns until the last edge of the chain is free.
  std::uint32_t reduce(std::uint32_t& steps, Interrupt& interrupt) {
    for (;;) {
      if (++steps % 16384 == 0) interrupt.poll();
      if (chain_.empty()) throw std::logic_error("an H1 column without a pivot");
      const std::uint32_t pivot = chain_.maximum();
      const Owner owner = owner_[pivot];
      if (owner.square == 0) return pivot;
      if (owner.chain == 0) {
        std::uint32_t boundary[4];
        const int count = this->boundary(owner.square, boundary);
        for (int i = 0; i < count; ++i) chain_.toggle(boundary[i]);
      } else {
        for (std::size_t i = start_[owner.chain]; i < start_[owner.chain + 1]; ++i) {
          chain_.toggle(stored_[i]);
        }
      }
    }
  }

  // Keeps the chain and empties the tree.
  std::uint32_t store() {
    while (!chain_.empty()) {
      stored_.push_back(chain_.maximum());
      chain_.toggle(stored_.back());
    }
    start_.push_back(stored_.size());
    return static_cast<std::uint32_t>(start_.size() - 2);
  }

  // The edges of a square, without those that are first at their voxel: these merge the voxel
  // into a component, so no cycle ends in them, and the rows can be left out.
  int boundary(std::uint32_t square, std::uint32_t* out) const {
    const Place w = columns_->place(square >> kSquareBits);
    const auto& spans = grid_->square_edges[square & ((1u << kSquareBits) - 1)];
    const int d = spans[0], e = spans[1];
    const Place u = w + grid_->edge[d], v = w + grid_->edge[e], x = u + grid_->edge[e];
    int count = 0;
    const auto add = [&](Place from, Place to, int direction) {
      const std::uint32_t a = rows_->rank(from), b = rows_->rank(to);
      const std::uint32_t last = a > b ? a : b;
      const int number = a > b ? direction : grid_->opposite[direction];
      // Two places of the outside come with no edge: the outside is one point.
      out[count] = last << kEdgeBits | static_cast<std::uint32_t>(number);
      count += (a != b) & (number != first_[last]);
    };
    add(w, u, d);
    add(w, v, e);
    add(u, x, e);
    add(v, x, d);
    return count;
  }

  void find_first_edges() {
    first_.resize(grid_->voxels() + 2);
    for (std::uint32_t rank = 1; rank <= grid_->voxels(); ++rank) {
      const Place v = rows_->place(rank);
      int number = 0;
      while (number < Grid<3>::kEdges && rows_->rank(v + grid_->edge[number]) >= rank) ++number;
      first_[rank] = static_cast<std::uint8_t>(number);
    }
  }

  const Ranks* rows_ = nullptr;
  const Ranks* columns_ = nullptr;
  const Grid<3>* grid_ = nullptr;
  std::vector<std::uint8_t> first_;
  std::vector<Owner> owner_;
  PivotTree chain_;
  std::vector<std::uint32_t> stored_;
  std::vector<std::size_t> start_;
};

}  // namespace topoeval::matching
