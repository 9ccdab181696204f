#include "repair_bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "repair/repair.hpp"
#include "results.hpp"

namespace topoeval {
namespace {

using repair::Edit;
using repair::Repaired;
using Wanted = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

Batch batch_named(const nb::object& object, const char* name, Dtype dtype, const char* kinds) {
  Array array;
  if (!nb::try_cast(object, array)) refuse(std::string(name) + " must be an array in main memory");
  const Batch batch = batch_of(array);
  if (batch.first.dtype != dtype) refuse(std::string(name) + " must be " + kinds);
  return batch;
}

// One value of each edit of all items.
template <class T, class Value>
nb::object edit_column(const std::vector<Repaired>& items, Value value) {
  std::size_t size = 0;
  for (const Repaired& item : items) size += item.edits.size();
  std::unique_ptr<T, FreeBlock> block(static_cast<T*>(allocate_block(size * sizeof(T))));
  T* out = block.get();
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (const Edit& edit : items[i].edits) *out++ = static_cast<T>(value(i, edit));
  }
  return own(std::move(block), {size});
}

template <class Counts>
nb::object counts_column(const std::vector<Repaired>& items, int rank, Counts counts) {
  const auto width = static_cast<std::size_t>(rank);
  std::unique_ptr<std::int64_t, FreeBlock> block(
      static_cast<std::int64_t*>(allocate_block(items.size() * width * sizeof(std::int64_t))));
  std::int64_t* out = block.get();
  for (const Repaired& item : items) out = std::copy_n(counts(item).begin(), rank, out);
  return own(std::move(block), {items.size(), width});
}

nb::object voxels_column(const std::vector<Repaired>& items) {
  std::size_t size = 0;
  for (const Repaired& item : items) {
    for (const Edit& edit : item.edits) size += edit.voxels.size();
  }
  std::unique_ptr<std::int64_t, FreeBlock> block(
      static_cast<std::int64_t*>(allocate_block(size * sizeof(std::int64_t))));
  std::int64_t* out = block.get();
  for (const Repaired& item : items) {
    for (const Edit& edit : item.edits) out = std::copy(edit.voxels.begin(), edit.voxels.end(), out);
  }
  return own(std::move(block), {size});
}

nb::tuple py_repair(nb::object masks, nb::object values, nb::object locked, Wanted wanted,
                    const std::string& construction, bool framed, bool uniform, bool settle,
                    std::uint32_t kinds, double width, double radius, double evidence, double limit,
                    std::int64_t max_change, std::int64_t min_size, std::int64_t keep, int threads) {
  const Batch mask_batch = batch_named(masks, "masks", Dtype::u8, "bool or uint8");
  const Batch value_batch = batch_named(values, "values", Dtype::f32, "float32");
  Batch locked_batch;
  const bool has_locked = !locked.is_none();
  if (has_locked) locked_batch = batch_named(locked, "locked", Dtype::u8, "bool or uint8");
  const auto same = [&](const Batch& other) {
    return other.rank == mask_batch.rank && other.count == mask_batch.count &&
           std::equal(other.first.shape, other.first.shape + 3, mask_batch.first.shape);
  };
  if (!same(value_batch) || (has_locked && !same(locked_batch))) {
    refuse("masks, values and locked must have one shape");
  }
  const int rank = mask_batch.rank;
  if (wanted.shape(0) != static_cast<std::size_t>(mask_batch.count) ||
      wanted.shape(1) != static_cast<std::size_t>(rank)) {
    refuse("wanted must hold one row of Betti numbers for each item");
  }
  if (threads < 1) refuse("threads must be at least 1");
  std::vector<std::array<std::int64_t, 3>> goals(static_cast<std::size_t>(mask_batch.count));
  for (std::size_t i = 0; i < goals.size(); ++i) {
    for (int dim = 0; dim < rank; ++dim) goals[i][dim] = wanted(i, static_cast<std::size_t>(dim));
  }
  const Request request = request_of(construction, true, {}, rank);
  const repair::Settings settings{request.construction == Construction::top_cells,
                                  framed, uniform, settle, kinds, width, radius, evidence, limit,
                                  max_change, min_size, keep};
  std::vector<std::size_t> shape{static_cast<std::size_t>(mask_batch.count)};
  for (int axis = 3 - rank; axis < 3; ++axis) {
    shape.push_back(static_cast<std::size_t>(mask_batch.first.shape[axis]));
  }
  const auto size = static_cast<std::size_t>(mask_batch.count * mask_batch.first.size());
  std::unique_ptr<bool, FreeBlock> block(static_cast<bool*>(allocate_block(size)));
  const auto items = without_gil([&](Interrupt& interrupt) {
    return repair::repair(mask_batch, value_batch, has_locked ? &locked_batch : nullptr, goals,
                          settings, threads, interrupt, reinterpret_cast<std::uint8_t*>(block.get()));
  });
  return nb::make_tuple(
      own(std::move(block), shape),
      counts_column(items, rank, [](const Repaired& item) { return item.before; }),
      counts_column(items, rank, [](const Repaired& item) { return item.after; }),
      edit_column<std::int64_t>(items, [](std::size_t i, const Edit&) { return i; }),
      edit_column<std::int8_t>(items, [](std::size_t, const Edit& edit) { return edit.kind; }),
      edit_column<double>(items, [](std::size_t, const Edit& edit) { return edit.cost; }),
      edit_column<double>(items, [](std::size_t, const Edit& edit) { return edit.bar; }),
      edit_column<std::int64_t>(items, [](std::size_t, const Edit& e) { return e.voxels.size(); }),
      voxels_column(items));
}

}  // namespace

void bind_repair(nb::module_& module) {
  module.def("repair", &py_repair, nb::arg("masks"), nb::arg("values"), nb::arg("locked").none(),
             nb::arg("wanted"), nb::arg("construction"), nb::arg("framed"), nb::arg("uniform"),
             nb::arg("settle"), nb::arg("kinds"), nb::arg("width"), nb::arg("radius"),
             nb::arg("evidence"), nb::arg("limit"), nb::arg("max_change"), nb::arg("min_size"),
             nb::arg("keep"), nb::arg("threads"),
             R"(Edit masks until they have the wanted Betti numbers.

Parameters
----------
masks : array (B, H, W) or (B, D, H, W) of bool or uint8, any strides
values : float32 array of the same shape in [0, 1], high where foreground is likely
locked : array like masks, nonzero where a voxel may not flip; or None
wanted : int64 array (B, d); -1 for a number that may be what it is
kinds : bit k set: edits of kind k may be used (native/repair/edits.hpp)
construction, framed, threads : as for match_masks; the rest as in native/repair/repair.hpp

Returns
-------
mask, before, after : the mask, and the Betti numbers of both, (B, d)
item, kind, cost, bar, size : one value for each edit
voxels : of all edits in turn, positions in the item in C order)");
}

}  // namespace topoeval
