// What Python gets back: the result of work without the GIL, in memory that its arrays own.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <vector>

#include "batch.hpp"
#include "common/interrupt.hpp"
#include "common/pages.hpp"

namespace nb = nanobind;

namespace topoeval {

// Signals are delivered to Python code only while someone asks.
inline bool user_interrupts() {
  const nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// Calls work(interrupt) without the GIL.  Interrupted comes out of it for one reason only, that the
// handler of a signal raised an exception: this is handed on.
template <class Work> auto without_gil(Work work) {
  Interrupt interrupt(&user_interrupts);
  try {
    const nb::gil_scoped_release no_gil;
    return work(interrupt);
  } catch (const Interrupted&) {
    // Below, with the GIL.
  }
  if (!PyErr_Occurred()) throw std::logic_error("the engine stopped without a cause");
  throw nb::python_error();
}

struct FreeBlock {
  void operator()(void* block) const { free_block(block); }
};

// Memory that the array owns from here on.
template <class T>
nb::object own(std::unique_ptr<T, FreeBlock> block, const std::vector<std::size_t>& shape) {
  const nb::capsule owner(block.get(), [](void* memory) noexcept { free_block(memory); });
  T* data = block.release();
  return nb::cast(nb::ndarray<nb::numpy, T>(data, shape.size(), shape.data(), owner));
}

// (B, H, W) or (B, D, H, W).
inline std::vector<std::size_t> shape_of(const Batch& batch) {
  std::vector<std::size_t> shape{static_cast<std::size_t>(batch.count)};
  for (int axis = 3 - batch.rank; axis < 3; ++axis) {
    shape.push_back(static_cast<std::size_t>(batch.first.shape[axis]));
  }
  return shape;
}

}  // namespace topoeval
