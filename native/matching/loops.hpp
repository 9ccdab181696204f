// H1 of a volume by column reduction, with rows in one order and columns in another.
//
// Rows are edges, columns are squares.  With one order for both the pairs are the barcode; with
// the order in which things are born for rows and that in which they die for columns they are
// the barcode of the image (Cohen-Steiner, Edelsbrunner, Harer and Morozov, 2009; Bauer and
// Schmahl, 2022).
//
// First, in raster order, every column claims the last edge of its square; where two want the
// same edge the earlier column gets it.  Most are done with that, and nothing is stored for them.
// Then the losers are reduced.  One that meets an edge claimed by a *later* column takes it over,
// and work goes on with that column: so columns need not come in their order, and the pairs of a
// reduced matrix are unique anyway.
#pragma once

#include <cstdint>
#include <vector>

#include "pivot_tree.hpp"
#include "squares.hpp"

namespace topoeval::matching {

class LoopReduction {
 public:
  // Calls emit(edge, square) for every pair, by ascending edges.
  template <class Emit>
  void run(const Ranks& rows, const Ranks& columns, const NegativeSquares& negative,
           const Grid<3>& grid, Interrupt& interrupt, Emit emit) {
    rows_ = &rows;
    columns_ = &columns;
    lattice_ = Lattice(grid);
    find_first_edges(grid);
    owner_.assign(4 * grid.places(), kFree);
    chain_.reset((grid.voxels() + 2) << kNumberBits);
    chains_.clear();
    stored_.clear();
    losers_.clear();

    const auto places = static_cast<Place>(grid.places());
    for (Place place = 0; place < places; ++place) {
      if (place % 65536 == 0) interrupt.poll();
      for (std::uint32_t normals = negative.at(place); normals != 0; normals &= normals - 1) {
        claim(cell_id(place, volume::lowest_bit(normals)));
      }
    }
    std::uint32_t steps = 0;
    for (const CellId square : losers_) reduce(square, steps, interrupt);

    for (CellId edge = 0; edge < owner_.size(); ++edge) {
      if (owner_[edge] != kFree) emit(edge, square_of(owner_[edge]));
    }
  }

 private:
  // Who has an edge: nobody, a square whose boundary is the column, or a stored chain.
  using Owner = std::uint32_t;
  static constexpr Owner kFree = 0xFFFFFFFFu, kStored = 0x80000000u;
  static constexpr int kNumberBits = 3;

  struct Chain {
    CellId square;
    std::uint32_t length;
    std::size_t start;
  };

  CellId square_of(Owner owner) const {
    return owner & kStored ? chains_[owner & ~kStored].square : owner;
  }

  // The column's place among all: rank of the last voxel, then number, as ids ascend with that.
  std::uint64_t time_of(CellId square) const {
    return std::uint64_t{lattice_.last_of_square(square, *columns_)} << 32 | square;
  }

  void claim(CellId square) {
    Owner& owner = owner_[last_edge(square)];
    if (owner == kFree) {
      owner = square;
    } else if (time_of(owner) < time_of(square)) {
      losers_.push_back(square);
    } else {
      losers_.push_back(owner);
      owner = square;
    }
  }

  // Without rows: which of the edges of a square is the last.
  CellId last_edge(CellId square) const {
    const auto [a, b] = axes(square);
    const Place u = place_of(square), v = u + lattice_.step[a], w = u + lattice_.step[b];
    const Place x = v + lattice_.step[b];
    const std::int32_t* rank = rows_->data();
    // By the rank of the last voxel, and there the later number: the one ahead, or of the later axis.
    const bool far_b = std::max(rank[w], rank[x]) > std::max(rank[u], rank[v]);  // along b
    const bool far_a = std::max(rank[v], rank[x]) > std::max(rank[u], rank[w]);
    if (far_a == far_b) return far_a ? cell_id(v, b) : cell_id(u, b);
    return far_a ? cell_id(v, b) : cell_id(w, a);
  }

  void reduce(CellId square, std::uint32_t& steps, Interrupt& interrupt) {
    std::uint64_t time = time_of(square);
    add_boundary(square);
    for (;;) {
      if (++steps % 16384 == 0) interrupt.poll();
      if (chain_.empty()) throw std::logic_error("an H1 column without a pivot");
      Owner& slot = owner_[edge_at(chain_.maximum())];
      const Owner owner = slot;
      if (owner == kFree) {
        slot = store(square);
        chain_.clear(&stored_[chains_.back().start], chains_.back().length);
        return;
      }
      const CellId other = square_of(owner);
      const std::uint64_t other_time = time_of(other);
      if (time < other_time) {
        slot = store(square);
        square = other;
        time = other_time;
      }
      if (owner & kStored) {
        const Chain& chain = chains_[owner & ~kStored];
        for (std::size_t i = chain.start; i < chain.start + chain.length; ++i) chain_.toggle(stored_[i]);
      } else {
        add_boundary(owner);
      }
    }
  }

  void add_boundary(CellId square) {
    std::uint32_t boundary[4];
    const int count = this->boundary(square, boundary);
    for (int i = 0; i < count; ++i) chain_.toggle(boundary[i]);
  }

  Owner store(CellId square) {
    const std::size_t start = stored_.size();
    chain_.copy_to(stored_);
    chains_.push_back({square, static_cast<std::uint32_t>(stored_.size() - start), start});
    return static_cast<Owner>(chains_.size() - 1) | kStored;
  }

  struct Axes {
    int a, b;  // a < b
  };
  static Axes axes(CellId square) { return {(square & 3) == 0 ? 1 : 0, (square & 3) == 2 ? 1 : 2}; }

  // An edge as a row: rank of its last voxel, then its number there.
  CellId edge_at(std::uint32_t row) const {
    const int number = static_cast<int>(row & ((1u << kNumberBits) - 1));
    const Place last = rows_->place(row >> kNumberBits);
    return number < 3 ? cell_id(last - lattice_.step[number], number) : cell_id(last, number - 3);
  }

  // The edges of a square, without those that are first at their voxel: these merge the voxel
  // into a component, so no cycle ends in them, and the rows can be left out.
  int boundary(CellId square, std::uint32_t* out) const {
    const auto [a, b] = axes(square);
    const Place u = place_of(square), v = u + lattice_.step[a], w = u + lattice_.step[b];
    const Place x = v + lattice_.step[b];
    const std::uint32_t at_u = rows_->rank(u), at_v = rows_->rank(v);
    const std::uint32_t at_w = rows_->rank(w), at_x = rows_->rank(x);
    int count = 0;
    const auto add = [&](Place from, std::uint32_t at_from, Place to, std::uint32_t at_to, int axis) {
      const bool ahead = at_to > at_from;
      const std::uint32_t last = ahead ? at_to : at_from;
      const int number = ahead ? axis : axis + 3;
      out[count] = last << kNumberBits | static_cast<std::uint32_t>(number);
      // Two places of the outside come with no edge: the outside is one point.
      count += (at_from != at_to) & (number != first_[static_cast<std::size_t>(ahead ? to : from)]);
    };
    add(u, at_u, v, at_v, a);
    add(u, at_u, w, at_w, b);
    add(v, at_v, x, at_x, b);
    add(w, at_w, x, at_x, a);
    return count;
  }

  void find_first_edges(const Grid<3>& grid) {
    first_.resize(grid.places());
    grid.for_each_row([&](Place first, std::int64_t) {
      for (Place v = first; v < first + static_cast<Place>(grid.width()); ++v) {
        std::uint32_t lower = 1u << Grid<3>::kEdges;
        for (int i = 0; i < Grid<3>::kEdges; ++i) {
          lower |= std::uint32_t{rows_->rank(v + grid.edge[i]) < rows_->rank(v)} << i;
        }
        first_[static_cast<std::size_t>(v)] = static_cast<std::uint8_t>(volume::lowest_bit(lower));
      }
    });
  }

  const Ranks* rows_ = nullptr;
  const Ranks* columns_ = nullptr;
  Lattice lattice_;
  std::vector<std::uint8_t> first_;
  std::vector<Owner> owner_;
  PivotTree chain_;
  std::vector<Chain> chains_;
  std::vector<std::uint32_t> stored_;
  std::vector<CellId> losers_;
};

}  // namespace topoeval::matching
