#include "check_persistence.hpp"

#include <utility>
#include <vector>

#include "check.hpp"
#include "volume/engine.hpp"

namespace topoeval::fuzz {

namespace {

// An array of 32-bit integers with the order of voxels that a rank says.
struct Ranked {
  std::vector<std::int32_t> values;
  ArrayView view;

  Ranked(std::vector<std::int32_t> ranks, const std::int64_t (&shape)[3])
      : values(std::move(ranks)) {
    view.data = reinterpret_cast<const char*>(values.data());
    view.dtype = Dtype::i32;
    view.strides[2] = sizeof(std::int32_t);
    for (int axis = 2; axis >= 0; --axis) {
      view.shape[axis] = shape[axis];
      if (axis > 0) view.strides[axis - 1] = view.strides[axis] * shape[axis];
    }
  }
  Ranked(const Ranked&) = delete;
  Ranked& operator=(const Ranked&) = delete;
};

Bars sublevel_bars(const ArrayView& array, int dimension, Construction construction) {
  Batch batch;
  batch.first = array;
  batch.count = 1;
  batch.rank = dimension;
  Interrupt interrupt;
  const auto found = persistence(batch, {construction, false, 7}, 0, 1, interrupt);
  return bars_of(found[0]);
}

template <class Key>
Bars bars_of_variant(const ArrayView& array, const Request& request, volume::Loops loops,
                     bool wide_entries, int threads) {
  volume::Engine<Key> engine;
  engine.force(loops, wide_entries);
  Interrupt interrupt;
  Diagram diagram;
  engine.run(Field<Key>(array, request.superlevel), request, threads, interrupt, diagram);
  return bars_of(diagram);
}

// Both reductions, both kinds of entries, one thread and two.
template <class Key>
void check_variants(const ArrayView& array, const Request& request, const Bars& bars) {
  using volume::Loops;
  const auto same = [&](Loops loops, bool wide_entries, int threads) {
    return bars_of_variant<Key>(array, request, loops, wide_entries, threads) == bars;
  };
  require(same(Loops::primal, false, 2), "H1 by homology, two threads");
  require(same(Loops::dual, false, 1), "H1 by cohomology");
  require(same(Loops::primal, true, 1), "H1 by homology, wide entries");
  require(same(Loops::dual, true, 2), "H1 by cohomology, wide entries, two threads");
}

// V and T exchange roles when the order is reversed and the outside, here a frame of voxels
// before all others, joins in: (birth, death) in one is (death, birth) in the other, in the
// complementary dimension.
void check_duality(const Order& order, const ArrayView& array, int dimension,
                   Construction construction, const Bars& bars) {
  const int frame[3] = {dimension == 3 ? 1 : 0, 1, 1};
  std::int64_t shape[3];
  for (int axis = 0; axis < 3; ++axis) shape[axis] = array.shape[axis] + 2 * frame[axis];
  std::vector<std::int32_t> reversed(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]), -1);
  std::vector<std::int32_t> inner(reversed.size(), kNever);  // frame voxels stand for no voxel
  const auto size = static_cast<std::int32_t>(order.rank.size());
  std::int32_t voxel = 0;
  for (std::int64_t z = 0; z < array.shape[0]; ++z)
    for (std::int64_t y = 0; y < array.shape[1]; ++y)
      for (std::int64_t x = 0; x < array.shape[2]; ++x, ++voxel) {
        const auto at = static_cast<std::size_t>(
            ((z + frame[0]) * shape[1] + y + frame[1]) * shape[2] + x + frame[2]);
        reversed[at] = size - 1 - order.rank[static_cast<std::size_t>(voxel)];
        inner[at] = voxel;
      }
  const Ranked other(std::move(reversed), shape);
  const auto dual =
      construction == Construction::vertices ? Construction::top_cells : Construction::vertices;
  Bars expected;
  for (const auto& [dim, birth, death] : sublevel_bars(other.view, dimension, dual)) {
    if (death == kNever) continue;  // the frame itself
    expected.emplace_back(dimension - 1 - dim, inner[static_cast<std::size_t>(death)],
                          inner[static_cast<std::size_t>(birth)]);
  }
  std::sort(expected.begin(), expected.end());
  require(bars == expected, "V and T are dual");
}

// The Euler characteristic, counted by cells and by bars.
void check_euler(const Order& order, const Witness& witness, const Bars& bars) {
  std::vector<int> changes = witness.euler_changes();
  for (const auto& [dim, birth, death] : bars) {
    const int sign = dim % 2 == 0 ? 1 : -1;
    const auto change = [&](std::int32_t voxel) -> int& {
      const auto at = static_cast<std::size_t>(voxel);
      return changes[static_cast<std::size_t>(order.rank[at])];
    };
    change(birth) -= sign;
    if (death != kNever) change(death) += sign;
  }
  require(std::all_of(changes.begin(), changes.end(), [](int left) { return left == 0; }),
          "births less deaths are the Euler characteristic");
}

// An image is a volume one voxel thick, whichever axis that is.
void check_thickness(const ArrayView& image, const Request& request, int axis, const Bars& bars) {
  ArrayView volume = image;
  for (int to = 0, from = 1; to < 3; ++to) {
    volume.shape[to] = to == axis ? 1 : image.shape[from];
    volume.strides[to] = to == axis ? image.strides[0] : image.strides[from];
    from += to != axis;
  }
  const bool wide = needs_wide_keys(image.dtype);
  require((wide ? bars_of_variant<std::int64_t>(volume, request, volume::Loops::automatic, false, 1)
                : bars_of_variant<std::int32_t>(volume, request, volume::Loops::automatic, false,
                                                1)) == bars,
          "an image as a volume");
}

// All there is to say about the bars of one array.
void check_bars(const ArrayView& array, int dimension, const Request& request, const Order& order,
                int thick_axis, const Bars& bars) {
  constexpr std::size_t kFewVoxels = 40;  // the boundary matrix of so many does not take long
  const Construction construction = request.construction;
  const Ranked ranked(order.rank, array.shape);
  const Bars all = sublevel_bars(ranked.view, dimension, construction);
  require(of_positive_length(all, order) == bars, "equal values enter by index");

  const Witness witness(array.shape, dimension, order.rank, construction);
  require(of_dimension(all, 0) == witness.components(), "H0 by growing components");
  require(of_dimension(all, dimension - 1) == witness.voids(), "the top dimension by complements");
  check_duality(order, array, dimension, construction, all);
  if (dimension == 3) check_euler(order, witness, all);
  if (order.rank.size() <= kFewVoxels) {
    require(all == witness.boundary_matrix(), "the boundary matrix");
  }

  // These know the reserved keys of no integer type: ranks stand in for such an array.
  const bool any_value = array.dtype != Dtype::i32 && array.dtype != Dtype::u32 &&
                         array.dtype != Dtype::i64 && array.dtype != Dtype::u64;
  const ArrayView& view = any_value ? array : ranked.view;
  const Bars& of_view = any_value ? bars : all;
  Request everything = request;
  everything.dims = 7;
  everything.superlevel = any_value && request.superlevel;
  if (dimension == 2) {
    check_thickness(view, everything, thick_axis, of_view);
  } else if (needs_wide_keys(view.dtype)) {
    check_variants<std::int64_t>(view, everything, of_view);
  } else {
    check_variants<std::int32_t>(view, everything, of_view);
  }
}

Bars longer_than(double min_persistence, const ArrayView& array, Bars bars) {
  with_type(array.dtype, [&](auto sample) {
    using T = decltype(sample);
    bars.erase(std::remove_if(bars.begin(), bars.end(),
                              [&](const Bar& bar) {
                                const auto [dim, birth, death] = bar;
                                return min_persistence > 0 && death != kNever &&
                                       distance(load<T>(array.at(birth)),
                                                load<T>(array.at(death))) <= min_persistence;
                              }),
               bars.end());
    return 0;
  });
  return bars;
}

}  // namespace

void check_persistence(const Batch& batch, const Settings& settings) {
  const Request& request = settings.request;
  std::vector<Order> orders;
  bool has_nan = false;
  for (std::int64_t i = 0; i < batch.count; ++i) {
    orders.emplace_back(batch.item(i), request.superlevel);
    has_nan |= orders.back().has_nan;
  }

  std::vector<Diagram> found;
  bool refused = false;
  try {
    Interrupt interrupt;
    found = persistence(batch, request, settings.min_persistence, settings.threads, interrupt);
  } catch (const NotANumber&) {
    refused = true;
  }
  require(refused == (has_nan && request.dims != 0), "NaN and nothing else is refused");
  if (refused) return;
  require(found.size() == static_cast<std::size_t>(batch.count), "a diagram for each item");

  Interrupt interrupt;
  const auto alone = persistence(batch, request, settings.min_persistence, 1, interrupt);
  Request everything = request;
  everything.dims = 7;
  const auto all = persistence(batch, everything, 0, 1, interrupt);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ArrayView array = batch.item(static_cast<std::int64_t>(i));
    for (int dim = 0; dim < 3; ++dim) {
      const auto& pairs = found[i].pairs[dim];
      require(std::equal(pairs.begin(), pairs.end(), alone[i].pairs[dim].begin(),
                         alone[i].pairs[dim].end(),
                         [](const Pair& a, const Pair& b) {
                           return a.birth == b.birth && a.death == b.death;
                         }),
              "threads change nothing, not even the order");
    }
    require(bars_of(found[i]) ==
                longer_than(settings.min_persistence, array, bars_of(all[i], request.dims)),
            "the choice of dimensions and lengths only leaves bars out");
    check_bars(array, batch.rank, everything, orders[i], settings.thick_axis, bars_of(all[i]));
  }
}

}  // namespace topoeval::fuzz
