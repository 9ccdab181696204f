// H1: which reduction, with which entries, and how its result is read off.
#pragma once

#include <algorithm>
#include <type_traits>
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

// The cells' numbers sorted by tiles of the volume: columns of one tile meet each other's chains
// and the same voxels, and a tile with all that belongs to it fits the cache.
inline std::vector<std::uint32_t> order_by_tiles(const std::vector<Column>& cells,
                                                 const Grid& grid) {
  constexpr std::int64_t kSide = 16;
  const std::int64_t across = grid.width() / kSide + 1, down = grid.height() / kSide + 1;
  const auto tile = [&](const Column& cell) {
    const auto [z, y, x] = grid.position(cell.place);
    return static_cast<std::size_t>((z / kSide * down + y / kSide) * across + x / kSide);
  };
  const auto tiles = static_cast<std::size_t>((grid.depth() / kSide + 1) * down * across);
  std::vector<std::uint32_t> next(tiles + 1, 0), order(cells.size());
  for (const Column& cell : cells) ++next[tile(cell) + 1];
  for (std::size_t i = 1; i <= tiles; ++i) next[i] += next[i - 1];
  for (std::size_t i = 0; i < cells.size(); ++i) {
    order[next[tile(cells[i])]++] = static_cast<std::uint32_t>(i);
  }
  return order;
}

constexpr std::uint32_t kUnpaired = 0xFFFFFFFFu;

// Each fills in, for every edge, the number of the square that kills its loop.

template <class Key, class Entry>
bool pair_primal(const Gradient<Key>& gradient, const Grid& grid, const LoopCells& cells,
                 std::int64_t budget, Team& team, std::vector<Arena>& arenas,
                 std::vector<std::uint32_t>& square_of_edge) {
  const PrimalFlow<Key, Entry> flow(gradient, grid, cells.edges, cells.squares);
  Reduction<PrimalFlow<Key, Entry>> reduction(flow, budget, arenas);
  if (!reduction.run(order_by_tiles(cells.squares, grid), team)) return false;
  reduction.owners(cells.edges.size(),
                   [&](std::size_t i) { return flow.slot_of(cells.edges[i]); },
                   [&](std::size_t i, std::uint32_t square) { square_of_edge[i] = square; });
  return true;
}

template <class Key, class Entry>
void pair_dual(Gradient<Key>& gradient, const Grid& grid, const LoopCells& cells, Team& team,
               std::vector<Arena>& arenas, std::vector<std::uint32_t>& square_of_edge) {
  const DualFlow<Key, Entry> flow(gradient, grid, cells.edges, cells.squares, team);
  Reduction<DualFlow<Key, Entry>> reduction(flow, INT64_MAX, arenas);
  reduction.run(order_by_tiles(cells.edges, grid), team);
  reduction.owners(cells.squares.size(),
                   [&](std::size_t i) { return flow.slot_of(cells.squares[i]); },
                   [&](std::size_t i, std::uint32_t edge) {
                     square_of_edge[edge] = static_cast<std::uint32_t>(i);
                   });
}

// For every edge the number of the square that fills its loop, the same by either reduction.
template <class Key>
std::vector<std::uint32_t> pair_loops(Gradient<Key>& gradient, const Grid& grid,
                                      const LoopCells& cells, Loops loops, bool wide_entries,
                                      Team& team, std::vector<Arena>& arenas) {
  arenas.resize(static_cast<std::size_t>(team.threads()));
  using PrimalEntry = std::conditional_t<sizeof(Key) == 4, PackedEntry<6>, WideEntry>;
  using DualEntry = std::conditional_t<sizeof(Key) == 4, PackedEntry<4>, WideEntry>;
  std::vector<std::uint32_t> square_of_edge(cells.edges.size(), kUnpaired);

  bool done = false;
  if (loops != Loops::dual) {
    // Ordinary volumes need some 5 to 10 steps a column; smooth ones have few columns and
    // long ways to go.
    const std::int64_t budget =
        loops == Loops::primal
            ? INT64_MAX
            : static_cast<std::int64_t>(24 * cells.squares.size() + grid.places() / 4);
    done = wide_entries || grid.places() > PrimalEntry::kMaxPlaces
               ? pair_primal<Key, WideEntry>(gradient, grid, cells, budget, team, arenas,
                                             square_of_edge)
               : pair_primal<Key, PrimalEntry>(gradient, grid, cells, budget, team, arenas,
                                               square_of_edge);
  }
  if (!done) {
    if (wide_entries || grid.places() > DualEntry::kMaxPlaces) {
      pair_dual<Key, WideEntry>(gradient, grid, cells, team, arenas, square_of_edge);
    } else {
      pair_dual<Key, DualEntry>(gradient, grid, cells, team, arenas, square_of_edge);
    }
  }

  return square_of_edge;
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
