#include "engine.hpp"

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
                                Team& team, Diagram& out) {
  Gradient<Key>& gradient = workspace_->gradient;
  ExtremumPairing<Key>& minima = workspace_->minima;
  ExtremumPairing<Key>& maxima = workspace_->maxima;
  Interrupt& interrupt = team.interrupt();
  const auto wants = [&](int core_dim) { return request.wants(dimension_of(core_dim, grid)); };

  gradient.compute(field, grid, team);

  // H1 needs to know what H0 and H2 leave over.
  std::vector<ExtremumPairing<Key>*> pairings;
  if (wants(0) || wants(1)) pairings.push_back(&minima);
  if (wants(2) || wants(1)) pairings.push_back(&maxima);
  for (auto* pairing : pairings) pairing->prepare(gradient);
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
  if (prepare_loops(field, grid, request, team, out)) {
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
void Engine<Key>::run_loops(const Field<Key>& field, Construction construction, Loops loops,
                            int threads, Interrupt& interrupt, std::vector<LoopBar>& out) {
  out.clear();
  const Grid grid(field.depth(), field.height(), field.width(),
                  construction == Construction::top_cells);
  Team team(threads, interrupt);
  Request request;
  request.construction = construction;
  request.dims = 1u << 1;
  Diagram none;
  prepare_loops(field, grid, request, team, none);
  const LoopCells& cells = workspace_->cells;
  const auto square_of_edge = pair_loops(workspace_->gradient, grid, cells, loops, wide_entries_,
                                         team, workspace_->arenas);
  const Voxel<Key>* voxels = workspace_->gradient.voxels();
  for (std::size_t i = 0; i < cells.edges.size(); ++i) {
    const Column &edge = cells.edges[i], &square = cells.squares[square_of_edge[i]];
    if (voxels[edge.place].key == voxels[square.place].key) continue;
    out.push_back({grid.index(edge.place), grid.index(square.place),
                   static_cast<std::uint8_t>(edge.cell), static_cast<std::uint8_t>(square.cell)});
  }
}

template class Engine<std::int32_t>;
template class Engine<std::int64_t>;

}  // namespace topoeval::volume
