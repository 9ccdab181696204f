#include "engine.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "loops.hpp"

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
                                const Listed<Key>& listed, bool levels, Team& team,
                                Diagram& out) {
  Gradient<Key>& gradient = workspace_->gradient;
  ExtremumPairing<Key>& minima = workspace_->minima;
  ExtremumPairing<Key>& maxima = workspace_->maxima;
  Interrupt& interrupt = team.interrupt();
  const auto wants = [&](int core_dim) { return request.wants(dimension_of(core_dim, grid)); };

  gradient.compute(field, grid, listed, team);

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
  if (prepare_loops(field, grid, request, {}, false, team, out)) {
    const LoopCells& cells = workspace_->cells;
    out.pairs[1].reserve(cells.edges.size());
    emit_loops(workspace_->gradient, cells,
               pair_loops(workspace_->gradient, grid, cells, loops_, wide_entries_, team,
                          workspace_->arenas),
               emit_to(out.pairs[1], grid));
  }
  if (!is_small(grid)) release();
}

// In the core's order there is a first, a middle and a last stage, level 1 the middle one; marks are pivots of
// its columns.  If they are squares of the last stage, this is cohomology: a column is an edge, to
// which later edges alone may be added.  If they are edges of the first stage it is homology, with
// earlier squares.  Either way the columns of the third stage, often most of all and the longest, are
// never added and left out.  As all loops die, the loops alive at the border of the marks' stage are as
// many as its cells less those that meet their like there.
template <class Key>
void Engine<Key>::pass_loops(const Field<Key>& levels, Construction construction, Passing passing,
                             Loops loops, int threads, Interrupt& interrupt, PassingLoops& out) {
  const Grid grid(levels.depth(), levels.height(), levels.width(),
                  construction == Construction::top_cells);
  Team team(threads, interrupt);
  const Key middle = grid.reversed() ? Key{1} : static_cast<Key>(~Key{1});
  const bool by_squares = (passing == Passing::into_zero) != grid.reversed();
  const LoopCells& cells = workspace_->cells;
  std::optional<LoopPairing<Key>> pairing;
  const auto prepare = [&](const Listed<Key>& listed) {
    Request request;
    request.construction = construction;
    request.dims = 1u << 1;
    Diagram none;
    prepare_loops(levels, grid, request, listed, true, team, none);
    pairing.emplace(workspace_->gradient, grid, cells, wide_entries_, team, workspace_->arenas);
  };
  const auto key = [&](const Column& cell) { return workspace_->gradient.voxels()[cell.place].key; };
  const auto all = [](const Column&) { return true; };
  const auto wanted = [&](const Column& cell) {
    return by_squares ? key(cell) >= middle : key(cell) <= middle;
  };
  const auto marked = [&](const Column& cell) { return wanted(cell) && key(cell) != middle; };

  Listed<Key> listed;
  (by_squares ? listed.first_square : listed.last_edge) = middle;
  prepare(listed);
  const std::int64_t budget =
      budget_ >= 0 ? budget_
                   : usual_budget(std::max(cells.edges.size(), cells.squares.size()), grid);
  const bool done = by_squares ? pairing->dual(loops == Loops::dual ? INT64_MAX : budget, wanted)
                               : pairing->primal(budget, wanted);
  if (!done) {  // the other way round, for which there is no stage to leave out
    prepare({});
    if (!by_squares) {
      pairing->dual(INT64_MAX, all);
    } else if (!pairing->primal(budget, all)) {
      pairing->dual(INT64_MAX, wanted);
    }
  }

  std::int64_t more_squares = 0;
  for (const Column& edge : cells.edges) more_squares -= marked(edge);
  for (const Column& square : cells.squares) more_squares += marked(square);
  out.alive = by_squares ? more_squares : -more_squares;
  out.marks.clear();
  for (std::size_t i = 0; i < cells.edges.size(); ++i) {
    if (pairing->square_of_edge[i] == kUnpaired) continue;
    const Column &edge = cells.edges[i], &square = cells.squares[pairing->square_of_edge[i]];
    const Column &mark = by_squares ? square : edge, &column = by_squares ? edge : square;
    if (key(column) != middle || !marked(mark)) continue;
    out.marks.push_back(std::int64_t{grid.index(mark.place)} << 4 | mark.cell);
  }
  std::sort(out.marks.begin(), out.marks.end());
}

template class Engine<std::int32_t>;
template class Engine<std::int64_t>;

}  // namespace topoeval::volume
