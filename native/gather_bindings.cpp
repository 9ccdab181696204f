#include "gather_bindings.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "arguments.hpp"
#include "results.hpp"

namespace topoeval {
namespace {

using Column = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Images = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// An infinity in each of the float types, as bits.
template <class Bits> Bits infinity(bool negative) {
  constexpr int kWidth = 8 * sizeof(Bits);
  constexpr int kFraction = kWidth == 16 ? 10 : kWidth == 32 ? 23 : 52;
  const Bits exponent = static_cast<Bits>((Bits{1} << (kWidth - 1 - kFraction)) - 1);
  return static_cast<Bits>(Bits{negative} << (kWidth - 1) | exponent << kFraction);
}

struct Bars {
  Column image, birth, death;
};

// Values are only copied, so their bits will do.
template <class Bits> nb::object values_of(const Images& images, const Bars& bars, bool superlevel) {
  const std::size_t size = bars.image.size();
  const auto count = static_cast<std::int64_t>(images.shape(0)),
             voxels = static_cast<std::int64_t>(images.shape(1));
  const std::int64_t *image = bars.image.data(), *birth = bars.birth.data(),
                     *death = bars.death.data();
  std::int64_t outside = 0;  // negative as soon as one of these is
  for (std::size_t i = 0; i < size; ++i) {
    outside |= image[i] | (count - 1 - image[i]) | (voxels - 1 - birth[i]) | (voxels - 1 - death[i]);
  }
  if (outside < 0) refuse("a bar names an image or a voxel that there is not");
  std::unique_ptr<Bits, FreeBlock> block(
      static_cast<Bits*>(allocate_block(2 * size * sizeof(Bits))));
  const Bits* from = static_cast<const Bits*>(images.data());
  const auto gather = [&](const std::int64_t* index, bool negative, Bits* out) {
    const Bits beyond = infinity<Bits>(negative);
    if (count == 1) {  // half the work
      for (std::size_t i = 0; i < size; ++i) out[i] = index[i] < 0 ? beyond : from[index[i]];
      return;
    }
    for (std::size_t i = 0; i < size; ++i) {
      out[i] = index[i] < 0 ? beyond : from[image[i] * voxels + index[i]];
    }
  };
  gather(birth, !superlevel, block.get());
  gather(death, superlevel, block.get() + size);
  const std::size_t shape[2] = {2, size};
  const nb::capsule owner(block.get(), [](void* memory) noexcept { free_block(memory); });
  Bits* data = block.release();
  return nb::cast(nb::ndarray<nb::numpy>(data, 2, shape, owner, nullptr, images.dtype()));
}

// Both indices as columns, each in one piece.  Those that persistence returned lie side by side.
nb::object locations_of(const Bars& bars, const nb::object& birth) {
  const std::size_t size = bars.birth.size(), shape[2] = {size, 2};
  const std::int64_t strides[2] = {1, static_cast<std::int64_t>(size)};
  using Table = nb::ndarray<nb::numpy, std::int64_t>;
  if (bars.death.data() == bars.birth.data() + size) {
    return nb::cast(Table(const_cast<std::int64_t*>(bars.birth.data()), 2, shape, birth, strides));
  }
  std::unique_ptr<std::int64_t, FreeBlock> block(
      static_cast<std::int64_t*>(allocate_block(2 * size * sizeof(std::int64_t))));
  std::copy_n(bars.birth.data(), size, block.get());
  std::copy_n(bars.death.data(), size, block.get() + size);
  const nb::capsule owner(block.get(), [](void* memory) noexcept { free_block(memory); });
  std::int64_t* data = block.release();
  return nb::cast(Table(data, 2, shape, owner, strides));
}

nb::tuple py_gather_bars(const Images& images, const Column& image, const nb::object& birth,
                         const nb::object& death, bool superlevel) {
  Bars bars{image, {}, {}};
  if (!nb::try_cast(birth, bars.birth) || !nb::try_cast(death, bars.death) ||
      bars.birth.size() != image.size() || bars.death.size() != image.size()) {
    refuse("image, birth and death must be int64 columns of one length");
  }
  const auto values = [&] {
    switch (dtype_of(images.dtype())) {
      case Dtype::f16: return values_of<std::uint16_t>(images, bars, superlevel);
      case Dtype::f32: return values_of<std::uint32_t>(images, bars, superlevel);
      case Dtype::f64: return values_of<std::uint64_t>(images, bars, superlevel);
      default: refuse("images must be float16, float32 or float64");
    }
  };
  return nb::make_tuple(values(), locations_of(bars, birth));
}

}  // namespace

void bind_gather(nb::module_& module) {
  module.def("gather_bars", &py_gather_bars, nb::arg("images"), nb::arg("image"), nb::arg("birth"),
             nb::arg("death"), nb::arg("superlevel"),
             R"(The values of bars at the voxels that persistence names.

Parameters
----------
images : float16/32/64 array (n_images, n_voxels) in C order
image, birth, death : int64 arrays of one length, as persistence returns them; an index below 0
    stands for what is born with a frame or never dies
superlevel : such a birth is inf and such a death -inf, otherwise the other way round

Returns
-------
values : array (2, n) in the dtype of the images, births and deaths
locations : int64 array (n, 2) of both indices, each column in one piece; shares the memory of birth
    and death where they lie side by side

Raises ValueError for an image or a voxel that there is not.)");
}

}  // namespace topoeval
