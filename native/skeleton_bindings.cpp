#include "skeleton_bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "batch.hpp"
#include "digital/skeleton_geometry.hpp"
#include "digital/soft_skeleton.hpp"
#include "results.hpp"

namespace topoeval {
namespace {

template <class T> using Values = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;

// An array of the shape of the maps, filled by work(maps, interrupt, out).
template <class T, class Work> nb::object like_maps(const Values<T>& values, int threads, Work work) {
  const Batch batch = batch_of(Array(values));
  if (threads < 1) refuse("threads must be at least 1");
  digital::Maps<T> maps{values.data(), batch.count, {}, batch.rank};
  std::copy_n(batch.first.shape, 3, maps.sides);
  std::unique_ptr<T, FreeBlock> block(static_cast<T*>(allocate_block(values.size() * sizeof(T))));
  without_gil([&](Interrupt& interrupt) { work(maps, interrupt, block.get()); });
  return own(std::move(block), shape_of(batch));
}

template <class T> nb::object py_soft_skeleton(const Values<T>& maps, int iterations, int threads) {
  if (iterations < 0) refuse("iterations must not be negative");
  return like_maps<T>(maps, threads, [&](const auto& them, Interrupt& interrupt, T* out) {
    digital::soft_skeletons(them, iterations, threads, interrupt, out);
  });
}

template <class T>
nb::object py_soft_skeleton_gradient(const Values<T>& maps, const Values<T>& gradient,
                                     int iterations, int threads) {
  if (iterations < 0) refuse("iterations must not be negative");
  bool alike = maps.ndim() == gradient.ndim();
  for (std::size_t axis = 0; alike && axis < maps.ndim(); ++axis) {
    alike = maps.shape(axis) == gradient.shape(axis);
  }
  if (!alike) refuse("maps and gradient must have one shape");
  return like_maps<T>(maps, threads, [&](const auto& them, Interrupt& interrupt, T* out) {
    digital::soft_skeleton_gradients(them, gradient.data(), iterations, threads, interrupt, out);
  });
}

// One function for float32 and float64; what it is given is not converted.
template <class T> void define_soft_skeleton(nb::module_& module) {
  module.def("soft_skeleton", &py_soft_skeleton<T>, nb::arg("maps").noconvert(),
             nb::arg("iterations"), nb::arg("threads"),
             "Soft skeletons of maps (B, H, W) or (B, D, H, W) without NaN, in C order.");
  module.def("soft_skeleton_gradient", &py_soft_skeleton_gradient<T>, nb::arg("maps").noconvert(),
             nb::arg("gradient").noconvert(), nb::arg("iterations"), nb::arg("threads"),
             "The gradient by the maps, from that by their soft skeletons.");
}

nb::object py_skeleton_depths(nb::object masks, const std::string& construction, bool framed,
                              int threads) {
  Array array;
  if (!nb::try_cast(masks, array)) refuse("masks must be an array in main memory");
  const Batch batch = batch_of(array);
  if (batch.first.dtype != Dtype::u8) refuse("masks must be bool or uint8");
  const Request request = request_of(construction, true, {}, batch.rank);
  if (threads < 1) refuse("threads must be at least 1");
  const digital::Deformation how{request.construction == Construction::top_cells, framed, true};
  const auto size = static_cast<std::size_t>(batch.count * batch.first.size());
  std::unique_ptr<std::int32_t, FreeBlock> block(
      static_cast<std::int32_t*>(allocate_block(size * sizeof(std::int32_t))));
  without_gil([&](Interrupt& interrupt) {
    digital::skeleton_depths(batch, how, threads, interrupt, block.get());
  });
  return own(std::move(block), shape_of(batch));
}

nb::tuple py_skeleton_values(const Values<std::int32_t>& mine, const Values<std::int32_t>& other,
                             int power) {
  bool alike = mine.ndim() == other.ndim() && mine.ndim() > 1;
  for (std::size_t axis = 0; alike && axis < mine.ndim(); ++axis) {
    alike = mine.shape(axis) == other.shape(axis);
  }
  if (!alike) refuse("mine and other must be (B, *spatial), of one shape");
  if (power < 0 || power > 2) refuse("power must be 0, 1 or 2");
  const auto count = static_cast<std::int64_t>(mine.shape(0));
  const auto size = count == 0 ? 0 : static_cast<std::int64_t>(mine.size()) / count;
  const auto found = without_gil([&](Interrupt&) {
    return digital::skeleton_values(mine.data(), other.data(), count, size, power);
  });
  const std::size_t there = found.places.size();
  std::unique_ptr<std::int64_t, FreeBlock> places(
      static_cast<std::int64_t*>(allocate_block(there * sizeof(std::int64_t))));
  std::copy(found.places.begin(), found.places.end(), places.get());
  std::unique_ptr<float, FreeBlock> values(
      static_cast<float*>(allocate_block(4 * there * sizeof(float))));
  float* out = values.get();
  for (const auto* column : {&found.weight, &found.other_q, &found.other_r, &found.own_r}) {
    out = std::copy(column->begin(), column->end(), out);
  }
  nb::list counts;
  for (const std::int64_t of_item : found.counts) counts.append(of_item);
  nb::object where = own(std::move(places), {there});
  return nb::make_tuple(where, own(std::move(values), {std::size_t{4}, there}), counts);
}

}  // namespace

void bind_soft_skeleton(nb::module_& module) {
  module.def("skeleton_depths", &py_skeleton_depths, nb::arg("masks"), nb::arg("construction"),
             nb::arg("framed"), nb::arg("threads"),
             "Squared distances of the voxels of masks (bool or uint8) to the background, negative on the "
             "skeletons that thinning leaves; int32.");
  module.def("skeleton_values", &py_skeleton_values, nb::arg("mine").noconvert(),
             nb::arg("other").noconvert(), nb::arg("power"),
             "Of two results of skeleton_depths: where mine has its skeleton (int64, flat over the batch), there "
             "(float32, 4 rows) its weight, q and r of the other and its own r, and how many places "
             "each item has. With D the distance and R the greatest on a skeleton, at least 1: q = min(D, R) / R, "
             "r is q on the skeleton, else 0, and the weight is (R - D + 1) / R to the power.");
  define_soft_skeleton<float>(module);
  define_soft_skeleton<double>(module);
}

}  // namespace topoeval
