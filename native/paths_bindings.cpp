#include "paths_bindings.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "arguments.hpp"
#include "batch.hpp"
#include "digital/cheapest_ways.hpp"
#include "digital/skeleton_paths.hpp"
#include "results.hpp"

namespace topoeval {
namespace {

template <class T> using Values = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::object column(const std::vector<std::int64_t>& values) {
  std::unique_ptr<std::int64_t, FreeBlock> block(
      static_cast<std::int64_t*>(allocate_block(values.size() * sizeof(std::int64_t))));
  std::copy(values.begin(), values.end(), block.get());
  return own(std::move(block), {values.size()});
}

nb::list py_skeleton_paths(nb::object skeletons, int threads) {
  Array array;
  if (!nb::try_cast(skeletons, array)) refuse("skeletons must be an array in main memory");
  const Batch batch = batch_of(array);
  if (batch.first.dtype != Dtype::u8) refuse("skeletons must be bool or uint8");
  if (threads < 1) refuse("threads must be at least 1");
  const auto found = without_gil([&](Interrupt& interrupt) {
    return digital::skeleton_paths(batch, threads, interrupt);
  });
  nb::list items;
  for (const auto& paths : found) {
    if (paths.ambiguous) {
      items.append(nb::none());
    } else {
      items.append(nb::make_tuple(column(paths.voxels), column(paths.lengths)));
    }
  }
  return items;
}

template <class T>
nb::tuple py_cheapest_ways(const Values<T>& prices, const Column& voxels, const Column& lengths,
                           const Column& images, int corridor, int snap, int threads) {
  const Batch batch = batch_of(Array(prices));
  if (threads < 1) refuse("threads must be at least 1");
  if (corridor < 1 || snap < 0 || snap > corridor) {
    refuse("corridor must be at least 1, snap 0 to corridor");
  }
  if (lengths.size() != images.size()) refuse("lengths and images must be of one length");
  digital::Maps<T> maps{prices.data(), batch.count, {}, batch.rank};
  std::copy_n(batch.first.shape, 3, maps.sides);
  // No two voxels are farther apart than this.
  const std::int64_t farthest = maps.sides[0] + maps.sides[1] + maps.sides[2];
  corridor = static_cast<int>(std::min<std::int64_t>(corridor, farthest));
  snap = std::min(snap, corridor);
  std::vector<std::int64_t> begin{0};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::int64_t length = lengths.data()[i], image = images.data()[i];
    const auto left = static_cast<std::int64_t>(voxels.size()) - begin.back();
    if (length < 1 || length > left) refuse("lengths must be 1 or more and sum to the voxels");
    if (image < 0 || image >= batch.count) refuse("a path names an image that there is not");
    begin.push_back(begin.back() + length);
  }
  if (begin.back() != static_cast<std::int64_t>(voxels.size())) {
    refuse("lengths must be 1 or more and sum to the voxels");
  }
  for (std::size_t i = 0; i < voxels.size(); ++i) {
    if (voxels.data()[i] < 0 || voxels.data()[i] >= batch.first.size()) {
      refuse("a path names a voxel that there is not");
    }
  }
  const digital::Paths paths{voxels.data(), begin.data(), images.data(),
                             static_cast<std::int64_t>(lengths.size())};
  const auto ways = without_gil([&](Interrupt& interrupt) {
    return digital::cheapest_ways(maps, paths, corridor, snap, threads, interrupt);
  });
  std::vector<std::int64_t> all, sizes;
  for (const auto& way : ways) {
    all.insert(all.end(), way.begin(), way.end());
    sizes.push_back(static_cast<std::int64_t>(way.size()));
  }
  return nb::make_tuple(column(all), column(sizes));
}

// One function for float32 and float64; what it is given is not converted.
template <class T> void define_ways(nb::module_& module) {
  module.def("cheapest_ways", &py_cheapest_ways<T>, nb::arg("prices").noconvert(),
             nb::arg("voxels").noconvert(), nb::arg("lengths").noconvert(),
             nb::arg("images").noconvert(), nb::arg("corridor"), nb::arg("snap"),
             nb::arg("threads"),
             "The cheapest way along each path through maps of prices, 0 or more, within `corridor` "
             "voxels of the path, its ends moved by `snap` voxels at most: voxels (int64, flat within their "
             "map) one way after the other, and how many each has. Paths come likewise, with the number of "
             "their map. Raises ValueError where prices are infinite all across.");
}

}  // namespace

void bind_paths(nb::module_& module) {
  module.def("skeleton_paths", &py_skeleton_paths, nb::arg("skeletons"), nb::arg("threads"),
             "For each skeleton (bool or uint8) the shortest paths that cover it, the longest first: voxels "
             "(int64, flat) path after path, and how many each has; or None where two ways of one "
             "length lead to a voxel of a path.");
  define_ways<float>(module);
  define_ways<double>(module);
}

}  // namespace topoeval
