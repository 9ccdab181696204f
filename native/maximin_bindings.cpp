#include "maximin_bindings.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "arguments.hpp"
#include "batch.hpp"
#include "common/keys.hpp"
#include "digital/maximin.hpp"
#include "results.hpp"

namespace topoeval {
namespace {

template <class T> using Values = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
using Counts = std::unique_ptr<std::int64_t, FreeBlock>;

template <class T>
nb::object py_maximin_pairs(const Values<T>& keys, const Values<std::int32_t>& labels, bool corners,
                            int threads) {
  const Batch batch = batch_of(Array(keys));
  bool alike = keys.ndim() == labels.ndim();
  for (std::size_t axis = 0; alike && axis < keys.ndim(); ++axis) {
    alike = keys.shape(axis) == labels.shape(axis);
  }
  if (!alike) refuse("keys and labels must have one shape");
  if (threads < 1) refuse("threads must be at least 1");
  if (std::any_of(keys.data(), keys.data() + keys.size(), KeyOf<T>::is_nan)) {
    refuse("keys must not be NaN");
  }
  digital::Maps<T> maps{keys.data(), batch.count, {}, batch.rank};
  std::copy_n(batch.first.shape, 3, maps.sides);
  const auto block = [&] {
    return Counts(static_cast<std::int64_t*>(allocate_block(keys.size() * sizeof(std::int64_t))));
  };
  Counts same = block(), other = block();
  without_gil([&](Interrupt& interrupt) {
    digital::maximin_pairs(maps, labels.data(), corners, threads, interrupt, same.get(),
                           other.get());
  });
  nb::object first = own(std::move(same), shape_of(batch));
  return nb::make_tuple(first, own(std::move(other), shape_of(batch)));
}

// One function for float32 and float64; what it is given is not converted.
template <class T> void define(nb::module_& module) {
  module.def("maximin_pairs", &py_maximin_pairs<T>, nb::arg("keys").noconvert(),
             nb::arg("labels").noconvert(), nb::arg("corners"), nb::arg("threads"),
             "For each voxel, the pairs of equal and of different labels (int64, 0 or less is none) "
             "that are joined when it is added, voxels being added in falling order of keys.");
}

}  // namespace

void bind_maximin(nb::module_& module) {
  define<float>(module);
  define<double>(module);
}

}  // namespace topoeval
