// The Python face: topoeval._native.
//
// Its functions check what they are given, let go of the GIL, and hand back
// NumPy arrays that own the memory the engine's result was gathered in: no Python object
// is made per pair.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "batch.hpp"
#include "digital/deform.hpp"
#include "digital/distances.hpp"
#include "gather_bindings.hpp"
#include "matching/masks.hpp"
#include "matching/matching.hpp"
#include "maximin_bindings.hpp"
#include "paths_bindings.hpp"
#include "repair_bindings.hpp"
#include "results.hpp"
#include "skeleton_bindings.hpp"
#include "volume/engine.hpp"

namespace nb = nanobind;

namespace topoeval {
namespace {

// The result as four columns in one block of memory: a call for it to the system is dear.
class Columns {
 public:
  explicit Columns(const std::vector<Diagram>& diagrams) {
    for (const Diagram& diagram : diagrams) size_ += diagram.size();
    block_.reset(allocate_block(size_ * (4 * sizeof(std::int64_t))));
    image_ = static_cast<std::int64_t*>(block_.get());
    birth_ = image_ + size_;
    death_ = birth_ + size_;
    dim_ = death_ + size_;

    std::size_t row = 0;
    for (std::size_t item = 0; item < diagrams.size(); ++item) {
      for (int dim = 0; dim < 3; ++dim) {
        const std::vector<Pair>& pairs = diagrams[item].pairs[dim];
        std::fill_n(image_ + row, pairs.size(), static_cast<std::int64_t>(item));
        std::fill_n(dim_ + row, pairs.size(), std::int64_t{dim});
        std::int64_t* birth = birth_ + row;
        std::int64_t* death = death_ + row;
        for (const Pair& pair : pairs) {
          *birth++ = pair.birth;
          *death++ = pair.death;
        }
        row += pairs.size();
      }
    }
  }

  // The arrays share the block, and the last of them to go frees it.
  nb::tuple to_numpy() {
    nb::capsule owner(block_.get(), [](void* block) noexcept { free_block(block); });
    block_.release();
    return nb::make_tuple(array(image_, owner), array(dim_, owner), array(birth_, owner),
                          array(death_, owner));
  }

 private:
  template <class T> nb::object array(T* data, const nb::capsule& owner) const {
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(data, {size_}, owner));
  }

  std::size_t size_ = 0;
  std::unique_ptr<void, FreeBlock> block_;
  std::int64_t* image_ = nullptr;
  std::int64_t* birth_ = nullptr;
  std::int64_t* death_ = nullptr;
  std::int64_t* dim_ = nullptr;
};

nb::tuple py_persistence(nb::object values, const std::string& construction, bool superlevel,
                         const std::vector<int>& dims, double min_persistence, int threads) {
  Array array;
  if (!nb::try_cast(values, array)) {
    refuse("values must be an array in main memory, of numbers in native byte order");
  }
  const Batch batch = batch_of(array);
  const Request request = request_of(construction, superlevel, dims, batch.rank);
  if (!(min_persistence >= 0)) refuse("min_persistence must not be negative");
  if (threads < 1) refuse("threads must be at least 1");

  return without_gil([&](Interrupt& interrupt) {
           return Columns(persistence(batch, request, min_persistence, threads, interrupt));
         })
      .to_numpy();
}

// For tests: the loops that pass a stage, with a budget for the reductions that have one.
nb::tuple py_pass_loops(const Array& levels, const std::string& construction, bool into_zero,
                        bool dual, std::int64_t budget, int threads) {
  const Batch batch = batch_of(levels);
  if (batch.rank != 3 || batch.count != 1 || batch.first.dtype != Dtype::u8 ||
      !batch.first.contiguous(1)) {
    refuse("levels must be one volume of uint8 without gaps");
  }
  const Request request = request_of(construction, false, {1}, 3);
  volume::Engine<std::int32_t> engine;
  engine.limit(budget);
  volume::PassingLoops passing;
  Interrupt interrupt;
  engine.pass_loops(batch.first, request.construction,
                    into_zero ? volume::Passing::into_zero : volume::Passing::out_of_three,
                    dual ? volume::Loops::dual : volume::Loops::automatic, threads, interrupt,
                    passing);
  return nb::make_tuple(passing.alive, passing.marks[0], passing.marks[1]);
}

// For tests: one volume by a given reduction for H1.
nb::tuple py_volume_variant(const Array& values, const std::string& construction,
                            const std::string& loops, bool wide_entries, int threads) {
  const Batch batch = batch_of(values);
  if (batch.rank != 3 || batch.count != 1) refuse("values must be one volume");
  const Request request = request_of(construction, false, {0, 1, 2}, 3);
  const auto variant = loops == "primal" ? volume::Loops::primal
                       : loops == "dual" ? volume::Loops::dual
                                         : volume::Loops::automatic;
  std::vector<Diagram> diagrams(1);
  const auto run = [&](auto key) {
    using Key = decltype(key);
    volume::Engine<Key> engine;
    engine.force(variant, wide_entries);
    Interrupt interrupt;
    engine.run(Field<Key>(batch.first, false), request, threads, interrupt, diagrams[0]);
  };
  if (needs_wide_keys(batch.first.dtype)) {
    run(std::int64_t{});
  } else {
    run(std::int32_t{});
  }
  return Columns(diagrams).to_numpy();
}

// One column of the result of betti_matching, in memory of its own.
template <class Value>
nb::object matching_column(const std::vector<matching::Matching>& matchings, Value value) {
  std::size_t size = 0;
  for (const auto& matching : matchings) size += matching.size();
  std::unique_ptr<std::int64_t, FreeBlock> out(
      static_cast<std::int64_t*>(allocate_block(size * sizeof(std::int64_t))));
  std::size_t row = 0;
  for (std::size_t item = 0; item < matchings.size(); ++item) {
    for (int dim = 0; dim < 3; ++dim) {
      for (const matching::Match& match : matchings[item].matches[dim]) {
        out.get()[row++] = value(static_cast<std::int64_t>(item), dim, match);
      }
    }
  }
  return own(std::move(out), {size});
}

// Two batches of one shape.
std::array<Batch, 2> batches_of(const nb::object& p, const nb::object& g) {
  Array arrays[2];
  if (!nb::try_cast(p, arrays[0]) || !nb::try_cast(g, arrays[1])) {
    refuse("p and g must be arrays in main memory, of numbers in native byte order");
  }
  const std::string shapes[] = {shape_of(arrays[0]), shape_of(arrays[1])};
  if (shapes[0] != shapes[1]) {
    refuse("p and g must have the same shape, not " + shapes[0] + " and " + shapes[1]);
  }
  return {batch_of(arrays[0]), batch_of(arrays[1])};
}

matching::Comparison comparison_of(const std::string& comparison) {
  if (comparison == "union") return matching::Comparison::union_;
  if (comparison == "intersection") return matching::Comparison::intersection;
  refuse("comparison must be 'union' or 'intersection', not '" + comparison + "'");
}

nb::tuple py_betti_matching(nb::object p, nb::object g, const std::string& construction,
                            bool superlevel, const std::vector<int>& dims,
                            const std::string& comparison, int threads, bool proper, bool general) {
  const auto batches = batches_of(p, g);
  const Request request = request_of(construction, superlevel, dims, batches[0].rank);
  if (threads < 1) refuse("threads must be at least 1");

  const auto how = comparison_of(comparison);
  const auto found = without_gil([&](Interrupt& interrupt) {
    return matching::betti_matching(batches[0], batches[1], request, how, proper, threads,
                                    interrupt, general);
  });
  using matching::Match;
  return nb::make_tuple(
      matching_column(found, [](std::int64_t item, int, const Match&) { return item; }),
      matching_column(found, [](std::int64_t, int dim, const Match&) { return std::int64_t{dim}; }),
      matching_column(found, [](std::int64_t, int, const Match& m) { return std::int64_t{m.p_birth}; }),
      matching_column(found, [](std::int64_t, int, const Match& m) { return std::int64_t{m.p_death}; }),
      matching_column(found, [](std::int64_t, int, const Match& m) { return std::int64_t{m.g_birth}; }),
      matching_column(found, [](std::int64_t, int, const Match& m) { return std::int64_t{m.g_death}; }));
}

// The first `rank` counts of every row.
nb::object counts_of(const std::vector<std::array<std::int64_t, 3>>& rows, int rank,
                     const std::vector<std::size_t>& shape) {
  std::unique_ptr<std::int64_t, FreeBlock> block(static_cast<std::int64_t*>(
      allocate_block(rows.size() * static_cast<std::size_t>(rank) * sizeof(std::int64_t))));
  std::int64_t* out = block.get();
  for (const auto& row : rows) out = std::copy_n(row.begin(), rank, out);
  return own(std::move(block), shape);
}

nb::object py_betti_numbers(nb::object masks, const std::string& construction, bool framed,
                            int threads) {
  Array array;
  if (!nb::try_cast(masks, array)) refuse("masks must be an array in main memory");
  const Batch batch = batch_of(array);
  if (batch.first.dtype != Dtype::u8) refuse("masks must be bool or uint8");
  const Request request = request_of(construction, true, {}, batch.rank);
  if (threads < 1) refuse("threads must be at least 1");
  const auto found = without_gil([&](Interrupt& interrupt) {
    return matching::betti_numbers(batch, request.construction, framed, threads, interrupt);
  });
  return counts_of(found, batch.rank, {found.size(), static_cast<std::size_t>(batch.rank)});
}

nb::object py_match_masks(nb::object p, nb::object g, const std::string& construction, bool framed,
                          const std::string& comparison, int threads) {
  const auto batches = batches_of(p, g);
  for (const Batch& batch : batches) {
    if (batch.first.dtype != Dtype::u8) refuse("p and g must be bool or uint8");
  }
  const int rank = batches[0].rank;
  const auto how = comparison_of(comparison);
  const Request request = request_of(construction, true, {}, rank);
  if (threads < 1) refuse("threads must be at least 1");
  const auto found = without_gil([&](Interrupt& interrupt) {
    return matching::match_masks(batches[0], batches[1], request.construction, framed, how, threads,
                                 interrupt);
  });
  std::vector<std::array<std::int64_t, 3>> rows;
  for (const auto& item : found) rows.insert(rows.end(), {item.p, item.g, item.matched});
  return counts_of(rows, rank, {found.size(), 3, static_cast<std::size_t>(rank)});
}

nb::object py_deform(nb::object masks, nb::object changeable, const std::string& construction,
                     bool framed, bool keep_ends, int threads) {
  const auto batches = batches_of(masks, changeable);
  for (const Batch& batch : batches) {
    if (batch.first.dtype != Dtype::u8) refuse("masks and changeable must be bool or uint8");
  }
  const Batch& batch = batches[0];
  const Request request = request_of(construction, true, {}, batch.rank);
  if (threads < 1) refuse("threads must be at least 1");
  const digital::Deformation how{request.construction == Construction::top_cells, framed,
                                 keep_ends};
  const auto size = static_cast<std::size_t>(batch.count * batch.first.size());
  std::unique_ptr<bool, FreeBlock> block(static_cast<bool*>(allocate_block(size)));
  without_gil([&](Interrupt& interrupt) {
    digital::deform(batch, batches[1], how, threads, interrupt,
                    reinterpret_cast<std::uint8_t*>(block.get()));
  });
  return own(std::move(block), shape_of(batch));
}

nb::object py_inner_distance(nb::object masks, int threads) {
  Array array;
  if (!nb::try_cast(masks, array)) refuse("masks must be an array in main memory");
  const Batch batch = batch_of(array);
  if (batch.first.dtype != Dtype::u8) refuse("masks must be bool or uint8");
  if (threads < 1) refuse("threads must be at least 1");
  const auto size = static_cast<std::size_t>(batch.count * batch.first.size());
  std::unique_ptr<double, FreeBlock> block(
      static_cast<double*>(allocate_block(size * sizeof(double))));
  without_gil([&](Interrupt& interrupt) {
    digital::inner_distances(batch, threads, interrupt, block.get());
  });
  return own(std::move(block), shape_of(batch));
}

}  // namespace
}  // namespace topoeval

NB_MODULE(_native, module) {
  module.doc() = "Cubical persistent homology of images and volumes, on the CPU.";
  module.def("persistence", &topoeval::py_persistence, nb::arg("values"), nb::arg("construction"),
             nb::arg("superlevel"), nb::arg("dims"), nb::arg("min_persistence"),
             nb::arg("threads"),
             R"(Persistence pairs of a batch of images or volumes.

Parameters
----------
values : array (B, H, W) or (B, D, H, W), float16/32/64, bool or integer, any strides
construction : 'V' (voxels are vertices) or 'T' (voxels are top cells)
superlevel : filter from high values to low ones
dims : homology dimensions to compute
min_persistence : leave out bars not longer than this, in the units of the values
threads : how many threads may work

Returns
-------
image, dim, birth, death : arrays, one row per pair, grouped by image, then by dimension.
    birth and death are indices into the item in C order; death is -1 for the class that
    never dies.

Raises ValueError for NaN, an unsupported dtype or shape, MemoryError when memory runs out.)");
  module.def("betti_matching", &topoeval::py_betti_matching, nb::arg("p"), nb::arg("g"),
             nb::arg("construction"), nb::arg("superlevel"), nb::arg("dims"),
             nb::arg("comparison"), nb::arg("threads"), nb::arg("proper") = false,
             nb::arg("general") = false,
             R"(Induced matching of the barcodes of two batches of one shape, item by item.

Parameters
----------
p, g : arrays (B, H, W) or (B, D, H, W), any strides, of one dtype or of dtypes that float64 holds
construction, superlevel, dims, threads : as for persistence
comparison : 'union' or 'intersection' of the foregrounds, through which bars are matched
proper : match through image bars of positive length only, so that matched bars overlap;
    otherwise as the published code does, through all pairs of the image reduction
general : take no short way where g has two values and p none beyond them, as a mask and a map of
    probabilities; the rows are the same

Returns
-------
image, dim, p_birth, p_death, g_birth, g_death : int64 arrays, grouped by image, then by
    dimension.  One row per matched pair of bars or unmatched bar; indices into the item in C
    order, death -1 for the classes that never die (always matched), and -2 twice in place
    of the bar that an unmatched one lacks.

Raises ValueError for NaN, for shapes that differ and unsupported dtypes.)");
  module.def("match_masks", &topoeval::py_match_masks, nb::arg("p"), nb::arg("g"),
             nb::arg("construction"), nb::arg("framed"), nb::arg("comparison"), nb::arg("threads"),
             R"(Betti numbers of two batches of masks, and how many of their features match.

The counts are those of betti_matching for maps of zeros and ones in superlevel direction, with a
layer of ones around them if framed; they cost a small part of its time and memory.

Parameters
----------
p, g : arrays (B, H, W) or (B, D, H, W) of bool or uint8, any strides; nonzero is foreground
construction, threads : as for persistence
framed : surround each item with foreground
comparison : 'union' or 'intersection', as for betti_matching

Returns
-------
int64 array (B, 3, d): Betti numbers of p, of g, and matched features, by dimension.)");
  module.def("betti_numbers", &topoeval::py_betti_numbers, nb::arg("masks"),
             nb::arg("construction"), nb::arg("framed"), nb::arg("threads"),
             "Betti numbers of a batch of masks, int64 (B, d); arguments as for match_masks.");
  module.def("deform", &topoeval::py_deform, nb::arg("masks"), nb::arg("changeable"),
             nb::arg("construction"), nb::arg("framed"), nb::arg("keep_ends"), nb::arg("threads"),
             R"(Flip simple voxels of masks, in order, until none is left that may change.

Parameters
----------
masks, changeable : arrays (B, H, W) or (B, D, H, W) of bool or uint8, any strides; voxels go by the
    integer part of their Euclidean distance to what is not changeable
construction, threads : as for persistence
framed : foreground beyond the border, else background
keep_ends : keep the ends of curves, as a thinning does

Returns
-------
bool array of the same shape, with the topology of the masks.)");
  topoeval::bind_gather(module);
  topoeval::bind_repair(module);
  module.def("inner_distance", &topoeval::py_inner_distance, nb::arg("masks"), nb::arg("threads"),
             "Euclidean distances of the voxels of masks to the nearest outside, 0 there; float64.");
  topoeval::bind_maximin(module);
  topoeval::bind_paths(module);
  topoeval::bind_soft_skeleton(module);
  module.def("_pass_loops", &topoeval::py_pass_loops, nb::arg("levels"), nb::arg("construction"),
             nb::arg("into_zero"), nb::arg("dual"), nb::arg("budget"), nb::arg("threads"),
             "For tests: H1 of a volume of levels 0 to 4; budget < 0: the usual one.");
  module.def("_volume_variant", &topoeval::py_volume_variant, nb::arg("values"),
             nb::arg("construction"), nb::arg("loops"), nb::arg("wide_entries"),
             nb::arg("threads"), "For tests: one volume with H1 by 'primal', 'dual' or 'auto'.");
}
