// H1: which reduction, with which entries, and how its result is read off.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "dual.hpp"
#include "engine.hpp"
#include "extrema.hpp"
#include "primal.hpp"
#include "reduction.hpp"

namespace topoeval::volume {

// Negative squares and positive edges, each in raster order.  Every square kills the loop that
// one of the edges gives birth to.
struct LoopCells {
  std::vector<Column> edges, squares;

  template <class Key>
  void collect(const ExtremumPairing<Key>& minima, const ExtremumPairing<Key>& maxima) {
    take_what_joins_nothing(minima, edges);
    take_what_joins_nothing(maxima, squares);
  }

 private:
  template <class Key> static void take_what_joins_nothing(const ExtremumPairing<Key>& pairing,
                                                           std::vector<Column>& cells) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < pairing.size(); ++i) count += !pairing.saddle(i).joins;
    // Which they are cannot be predicted, so each is written, the last perhaps in vain.
    cells.resize(count + 1);
    std::size_t next = 0;
    for (std::size_t i = 0; i < pairing.size(); ++i) {
      const Saddle& saddle = pairing.saddle(i);
      cells[next] = {saddle.place, saddle.cell};
      next += !saddle.joins;
    }
    cells.resize(count);
  }
};

// The numbers of the wanted cells sorted by tiles of the volume: columns of one tile meet each other's
// chains and the same voxels, and a tile with all that belongs to it fits the cache.
template <class Wanted>
std::vector<std::uint32_t> order_by_tiles(const std::vector<Column>& cells, const Grid& grid,
                                          Wanted wanted) {
  constexpr std::int64_t kSide = 16;
  const std::int64_t across = grid.width() / kSide + 1, down = grid.height() / kSide + 1;
  const auto tile = [&](const Column& cell) {
    const auto [z, y, x] = grid.position(cell.place);
    return static_cast<std::size_t>((z / kSide * down + y / kSide) * across + x / kSide);
  };
  const auto tiles = static_cast<std::size_t>((grid.depth() / kSide + 1) * down * across);
  std::vector<std::uint32_t> next(tiles + 1, 0);
  for (const Column& cell : cells) {
    if (wanted(cell)) ++next[tile(cell) + 1];
  }
  for (std::size_t i = 1; i <= tiles; ++i) next[i] += next[i - 1];
  std::vector<std::uint32_t> order(next[tiles]);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (wanted(cells[i])) order[next[tile(cells[i])]++] = static_cast<std::uint32_t>(i);
  }
  return order;
}

constexpr std::uint32_t kUnpaired = 0xFFFFFFFFu;

// Both reductions of one set of cells.  Each fills in, for every edge, the number of the square that kills
// its loop, if `wanted` says so: of its columns, squares or edges, only those are reduced.
// Whatever is left out must never be added to one that is wanted.
template <class Key> class LoopPairing {
 public:
  LoopPairing(Gradient<Key>& gradient, const Grid& grid, const LoopCells& cells,
              bool wide_entries, Team& team, std::vector<Arena>& arenas)
      : square_of_edge(cells.edges.size(), kUnpaired),
        gradient_(gradient),
        grid_(grid),
        cells_(cells),
        wide_entries_(wide_entries),
        team_(team),
        arenas_(arenas) {
    arenas.resize(static_cast<std::size_t>(team.threads()));
  }

  // False if that would take more steps than the budget.
  template <class Wanted> bool primal(std::int64_t budget, Wanted wanted) {
    using Entry = std::conditional_t<sizeof(Key) == 4, PackedEntry<6>, WideEntry>;
    if (wide_entries_ || grid_.places() > Entry::kMaxPlaces) return primal<WideEntry>(budget, wanted);
    return primal<Entry>(budget, wanted);
  }

  // The same; and the gradient can serve no primal reduction after this.
  template <class Wanted> bool dual(std::int64_t budget, Wanted wanted) {
    using Entry = std::conditional_t<sizeof(Key) == 4, PackedEntry<4>, WideEntry>;
    if (wide_entries_ || grid_.places() > Entry::kMaxPlaces) return dual<WideEntry>(budget, wanted);
    return dual<Entry>(budget, wanted);
  }

  std::vector<std::uint32_t> square_of_edge;

 private:
  template <class Entry, class Wanted> bool primal(std::int64_t budget, Wanted wanted) {
    const PrimalFlow<Key, Entry> flow(gradient_, grid_, cells_.edges, cells_.squares);
    Reduction<PrimalFlow<Key, Entry>> reduction(flow, budget, arenas_);
    if (!reduction.run(order_by_tiles(cells_.squares, grid_, wanted), team_)) return false;
    reduction.owners(cells_.edges.size(),
                     [&](std::size_t i) { return flow.slot_of(cells_.edges[i]); },
                     [&](std::size_t i, std::uint32_t square) { square_of_edge[i] = square; });
    return true;
  }

  template <class Entry, class Wanted> bool dual(std::int64_t budget, Wanted wanted) {
    const DualFlow<Key, Entry> flow(gradient_, grid_, cells_.edges, cells_.squares, team_);
    Reduction<DualFlow<Key, Entry>> reduction(flow, budget, arenas_);
    if (!reduction.run(order_by_tiles(cells_.edges, grid_, wanted), team_)) return false;
    reduction.owners(cells_.squares.size(),
                     [&](std::size_t i) { return flow.slot_of(cells_.squares[i]); },
                     [&](std::size_t i, std::uint32_t edge) {
                       square_of_edge[edge] = static_cast<std::uint32_t>(i);
                     });
    return true;
  }

  Gradient<Key>& gradient_;
  const Grid& grid_;
  const LoopCells& cells_;
  bool wide_entries_;
  Team& team_;
  std::vector<Arena>& arenas_;
};

// Ordinary volumes need some 5 to 10 steps a column; smooth ones have few columns and
// long ways to go.
inline std::int64_t usual_budget(std::size_t columns, const Grid& grid) {
  return static_cast<std::int64_t>(24 * columns + grid.places() / 4);
}

// For every edge the number of the square that fills its loop, the same by either reduction.
template <class Key>
std::vector<std::uint32_t> pair_loops(Gradient<Key>& gradient, const Grid& grid,
                                      const LoopCells& cells, Loops loops, bool wide_entries,
                                      Team& team, std::vector<Arena>& arenas) {
  LoopPairing<Key> pairing(gradient, grid, cells, wide_entries, team, arenas);
  const auto all = [](const Column&) { return true; };
  const std::int64_t budget =
      loops == Loops::primal ? INT64_MAX : usual_budget(cells.squares.size(), grid);
  if (loops == Loops::dual || !pairing.primal(budget, all)) pairing.dual(INT64_MAX, all);
  return std::move(pairing.square_of_edge);
}

// Calls emit(edge's place, square's place) for each pair of unlike value, by edge voxel, then by
// square voxel.
template <class Key, class Emit>
void emit_loops(const Gradient<Key>& gradient, const LoopCells& cells,
                std::vector<std::uint32_t> square_of_edge, Emit emit) {
  // Edges of one voxel may have their squares in any order: sort these few.
  const std::size_t count = cells.edges.size();
  for (std::size_t first = 0, last; first < count; first = last) {
    const Place birth = cells.edges[first].place;
    for (last = first + 1; last < count && cells.edges[last].place == birth;) ++last;
    if (last - first == 1) continue;
    const auto begin = square_of_edge.begin();
    std::sort(begin + static_cast<std::ptrdiff_t>(first),
              begin + static_cast<std::ptrdiff_t>(last));
  }

  // Squares and their voxels lie scattered, so those of a block are requested before the first
  // is read.
  constexpr std::size_t kBlock = 128;
  const Voxel<Key>* voxels = gradient.voxels();
  Place deaths[kBlock];
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    const std::uint32_t* squares = &square_of_edge[first];
    for (std::size_t i = 0; i < size; ++i) prefetch(&cells.squares[squares[i]]);
    for (std::size_t i = 0; i < size; ++i) {
      deaths[i] = cells.squares[squares[i]].place;
      prefetch(&voxels[deaths[i]]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const Place birth = cells.edges[first + i].place;
      if (voxels[birth].key != voxels[deaths[i]].key) emit(birth, deaths[i]);
    }
  }
}

}  // namespace topoeval::volume
