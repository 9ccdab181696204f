#include "engine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "../common/dense_ranks.hpp"
#include "contacts.hpp"
#include "passing.hpp"

namespace topoeval::volume {

template <class Key> struct Engine<Key>::Workspace {
  Gradient<Key> gradient;
  ExtremumPairing<Key> minima{ExtremumPairing<Key>::kMinima};
  ExtremumPairing<Key> maxima{ExtremumPairing<Key>::kMaxima};
  LoopCells cells;
  std::vector<Arena> arenas;

  std::size_t bytes() const {
    std::size_t sum = gradient.bytes() + minima.bytes() + maxima.bytes();
    sum += (cells.edges.capacity() + cells.squares.capacity()) * sizeof(Column);
    for (const Arena& arena : arenas) sum += arena.bytes();
    return sum;
  }
};

// Volumes up to this many places keep their memory for the next one; as training batches are made
// of many small ones, fresh pages would cost them dearly.  Larger ones give it back, and what H0
// and H2 needed already before H1.
constexpr std::size_t kSmallVolume = std::size_t{1} << 22;

template <class Key> Engine<Key>::Engine() : workspace_(std::make_unique<Workspace>()) {}
template <class Key> Engine<Key>::~Engine() = default;

template <class Key> std::size_t Engine<Key>::bytes() const {
  return sizeof(Workspace) + workspace_->bytes();
}

template <class Key> void Engine<Key>::release() { *workspace_ = Workspace(); }

namespace {

bool is_small(const Grid& grid) { return grid.places() <= kSmallVolume; }

// A pair of the core as one of the diagram: T reads it backwards, in the complementary
// dimension (see common/engine.hpp).
int dimension_of(int core_dim, const Grid& grid) { return grid.reversed() ? 2 - core_dim : core_dim; }

auto emit_to(std::vector<Pair>& pairs, const Grid& grid) {
  return [&](Place birth, Place death) {
    if (grid.reversed()) std::swap(birth, death);
    pairs.push_back({grid.index(birth), grid.index(death)});
  };
}

}  // namespace

template <class Key>
bool Engine<Key>::prepare_loops(const Field<Key>& field, const Grid& grid, const Request& request,
                                bool levels, Team& team, Diagram& out) {
  Gradient<Key>& gradient = workspace_->gradient;
  ExtremumPairing<Key>& minima = workspace_->minima;
  ExtremumPairing<Key>& maxima = workspace_->maxima;
  Interrupt& interrupt = team.interrupt();
  const auto wants = [&](int core_dim) { return request.wants(dimension_of(core_dim, grid)); };

  gradient.compute(field, grid, {}, team);

  // H1 needs to know what H0 and H2 leave over.
  std::vector<ExtremumPairing<Key>*> pairings;
  if (wants(0) || wants(1)) pairings.push_back(&minima);
  if (wants(2) || wants(1)) pairings.push_back(&maxima);
  for (auto* pairing : pairings) pairing->prepare(gradient, levels ? grid.places() : 0);
  const auto slabs = static_cast<std::int64_t>(gradient.slabs.size());
  const auto kinds = static_cast<std::int64_t>(pairings.size());
  team.run(slabs * kinds, [&](std::int64_t task, int) {
    const auto kind = static_cast<std::size_t>(task / slabs);
    pairings[kind]->trace(gradient, grid, gradient.slabs[static_cast<std::size_t>(task % slabs)],
                          interrupt);
  });
  team.run(kinds, [&](std::int64_t task, int) {
    auto* pairing = pairings[static_cast<std::size_t>(task)];
    const int core_dim = pairing == &minima ? 0 : 2;
    if (!wants(core_dim)) {
      pairing->pair(gradient, interrupt, [](Place, Place) {});
      return;
    }
    std::vector<Pair>& pairs = out.pairs[dimension_of(core_dim, grid)];
    pairs.reserve(pairing == &minima ? gradient.minima.size() : gradient.maxima.size());
    const Place eternal = pairing->pair(gradient, interrupt, emit_to(pairs, grid));
    // The outside is the oldest of all where it belongs to the tree: for V that of the
    // maxima, for T that of the minima.
    if (dimension_of(core_dim, grid) == 0) pairs.push_back({grid.index(eternal), kNever});
  });
  if (!wants(1)) return false;

  workspace_->cells.collect(minima, maxima);
  for (std::size_t i = 0; i < minima.size(); ++i) {
    const Saddle& edge = minima.saddle(i);
    gradient.make_negative_if(edge.joins, edge.place, edge.cell);
  }
  if (!is_small(grid)) {
    minima.release();
    maxima.release();
  }
  return true;
}

template <class Key>
void Engine<Key>::run(const Field<Key>& field, const Request& request, int threads,
                      Interrupt& interrupt, Diagram& out) {
  out.clear();
  if (field.size() == 0) return;
  const Grid grid(field.depth(), field.height(), field.width(),
                  request.construction == Construction::top_cells);
  Team team(threads, interrupt);
  if (prepare_loops(field, grid, request, false, team, out)) {
    const LoopCells& cells = workspace_->cells;
    out.pairs[1].reserve(cells.edges.size());
    emit_loops(workspace_->gradient, cells,
               pair_loops(workspace_->gradient, grid, cells, loops_, wide_entries_, team,
                          workspace_->arenas),
               emit_to(out.pairs[1], grid));
  }
  if (!is_small(grid)) release();
}

template <class Key>
void Engine<Key>::pass_loops(const ArrayView& levels, Construction construction, Passing passing,
                             Loops loops, int threads, Interrupt& interrupt, PassingLoops& out) {
  const Grid grid(levels.shape[0], levels.shape[1], levels.shape[2],
                  construction == Construction::top_cells);
  Team team(threads, interrupt);
  const Stages<Key> stages(passing, grid.reversed());
  Workspace& workspace = *workspace_;
  workspace.arenas.resize(static_cast<std::size_t>(team.threads()));
  std::int64_t budget = budget_;
  {
    workspace.gradient.compute(Field<Key>(levels, true), grid, stages.listed(), team);
    PassingPairing<Key> pairing(workspace.gradient, workspace.minima, workspace.maxima, grid,
                                stages, team);
    pairing.find_cells(Contacts::of(levels, team));
    if (!is_small(grid)) {
      workspace.minima.release();
      workspace.maxima.release();
    }
    if (budget < 0) budget = usual_budget(pairing.most_cells(), grid);
    const bool no_budget = stages.by_squares && loops == Loops::dual;
    if (pairing.reduce(wide_entries_, no_budget ? INT64_MAX : budget, workspace.arenas, out)) return;
  }
  pass_the_other_way(Field<Key>(levels, true), grid, stages, budget, team, out.marks[0]);
  std::vector<std::uint8_t> exchanged;
  exchanged.reserve(static_cast<std::size_t>(levels.size()));
  topoeval::detail::for_each_value<std::uint8_t>(levels, [&](std::uint8_t level) {
    exchanged.push_back(level == 1 || level == 2 ? static_cast<std::uint8_t>(3 - level) : level);
  });
  ArrayView second = levels;
  second.data = reinterpret_cast<const char*>(exchanged.data());
  second.strides[2] = 1;
  second.strides[1] = second.shape[2];
  second.strides[0] = second.shape[1] * second.shape[2];
  pass_the_other_way(Field<Key>(second, true), grid, stages, budget, team, out.marks[1]);
}

// By the other reduction, for which there is no stage to leave out.
template <class Key>
void Engine<Key>::pass_the_other_way(const Field<Key>& levels, const Grid& grid,
                                     const Stages<Key>& stages, std::int64_t budget, Team& team,
                                     std::vector<std::int64_t>& marks) {
  const LoopCells& cells = workspace_->cells;
  Request request;
  request.construction =
      grid.reversed() ? Construction::top_cells : Construction::vertices;
  request.dims = 1u << 1;
  Diagram none;
  prepare_loops(levels, grid, request, true, team, none);
  LoopPairing<Key> pairing(workspace_->gradient, grid, cells, wide_entries_, team,
                           workspace_->arenas);
  const auto key = [&](const Column& cell) { return workspace_->gradient.voxels()[cell.place].key; };
  const auto all = [](const Column&) { return true; };
  const auto no_rest = [&](const Column& cell) {
    return stages.common(key(cell)) || key(cell) == stages.middle[0];
  };
  if (!stages.by_squares) {
    pairing.dual(INT64_MAX, all);
  } else if (!pairing.primal(budget, all)) {
    pairing.dual(INT64_MAX, no_rest);
  }
  marks.clear();
  for (std::size_t i = 0; i < cells.edges.size(); ++i) {
    if (pairing.square_of_edge[i] == kUnpaired) continue;
    const Column &edge = cells.edges[i], &square = cells.squares[pairing.square_of_edge[i]];
    const Column &mark = stages.by_squares ? square : edge,
                 &column = stages.by_squares ? edge : square;
    if (key(column) != stages.middle[0] || !stages.common(key(mark))) continue;
    marks.push_back(std::int64_t{grid.index(mark.place)} << 4 | mark.cell);
  }
  std::sort(marks.begin(), marks.end());
}

template class Engine<std::int32_t>;
template class Engine<std::int64_t>;

}  // namespace topoeval::volume
