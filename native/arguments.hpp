// What Python hands over, checked: arrays as batches, texts and numbers as requests.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "batch.hpp"

namespace nb = nanobind;

namespace topoeval {

[[noreturn]] inline void refuse(const std::string& message) { throw nb::value_error(message.c_str()); }

inline Dtype dtype_of(const nb::dlpack::dtype& dtype) {
  using Code = nb::dlpack::dtype_code;
  const auto is = [&](Code code, int bits) {
    return dtype.code == static_cast<std::uint8_t>(code) && dtype.bits == bits && dtype.lanes == 1;
  };
  if (is(Code::Float, 16)) return Dtype::f16;
  if (is(Code::Float, 32)) return Dtype::f32;
  if (is(Code::Float, 64)) return Dtype::f64;
  if (is(Code::Int, 8)) return Dtype::i8;
  if (is(Code::Int, 16)) return Dtype::i16;
  if (is(Code::Int, 32)) return Dtype::i32;
  if (is(Code::Int, 64)) return Dtype::i64;
  if (is(Code::UInt, 8) || is(Code::Bool, 8)) return Dtype::u8;
  if (is(Code::UInt, 16)) return Dtype::u16;
  if (is(Code::UInt, 32)) return Dtype::u32;
  if (is(Code::UInt, 64)) return Dtype::u64;
  refuse("values must be float16, float32, float64, bool or an integer of 8 to 64 bits");
}

using Array = nb::ndarray<nb::ro, nb::device::cpu>;

inline std::string shape_of(const Array& array) {
  std::string text = "(";
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    text += (i ? ", " : "") + std::to_string(array.shape(i));
  }
  return text + ")";
}

inline Batch batch_of(const Array& values) {
  const std::string shape_text = shape_of(values);
  if (values.ndim() != 3 && values.ndim() != 4) {
    refuse("values must be (batch, height, width) or (batch, depth, height, width), not " +
           shape_text);
  }
  Batch batch;
  batch.rank = static_cast<int>(values.ndim()) - 1;
  batch.count = static_cast<std::int64_t>(values.shape(0));
  batch.first.dtype = dtype_of(values.dtype());
  batch.first.data = static_cast<const char*>(values.data());
  const auto item_size = static_cast<std::int64_t>(values.itemsize());
  batch.stride = values.stride(0) * item_size;
  double voxels = 1;
  for (int axis = 0; axis < batch.rank; ++axis) {
    const auto from = static_cast<std::size_t>(axis + 1);
    const int to = 3 - batch.rank + axis;
    batch.first.shape[to] = static_cast<std::int64_t>(values.shape(from));
    batch.first.strides[to] = values.stride(from) * item_size;
    if (values.shape(from) == 0) refuse("values has an empty axis: " + shape_text);
    voxels *= static_cast<double>(values.shape(from));
  }
  if (voxels > 2147483647.0) {
    refuse("each item may have 2^31 - 1 voxels at most; values is " + shape_text);
  }
  return batch;
}

inline Request request_of(const std::string& construction, bool superlevel,
                          const std::vector<int>& dims, int rank) {
  Request request;
  if (construction == "V") {
    request.construction = Construction::vertices;
  } else if (construction == "T") {
    request.construction = Construction::top_cells;
  } else {
    refuse("construction must be 'V' or 'T', not '" + construction + "'");
  }
  request.superlevel = superlevel;
  request.dims = 0;
  for (int dim : dims) {
    if (dim < 0 || dim >= rank) {
      refuse("dims must be among 0 to " + std::to_string(rank - 1) + ", not " +
             std::to_string(dim));
    }
    request.dims |= 1u << dim;
  }
  return request;
}

}  // namespace topoeval
