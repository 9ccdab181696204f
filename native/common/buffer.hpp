// Memory that is not initialised and only ever grows.
//
// std::vector would write zeros that are overwritten at once, and touch pages that a
// smooth image never needs: capacities here are upper bounds, and an untouched page
// costs nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "pages.hpp"

namespace topoeval {

template <class T> class Buffer {
  static_assert(std::is_trivially_copyable_v<T>, "a Buffer holds plain records");

 public:
  Buffer() = default;
  ~Buffer() { free_block(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }

  // Room for count elements; what was there before is lost.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      free_block(data_);
      data_ = nullptr, capacity_ = 0;
      data_ = allocate(count);
      capacity_ = count;
    }
    return data_;
  }

  // Room for count elements, keeping the content.
  void grow(std::size_t count) {
    if (count <= capacity_) return;
    count += capacity_ / 2;
    T* larger = allocate(count);
    if (data_ != nullptr) std::memcpy(larger, data_, capacity_ * sizeof(T));
    free_block(data_);
    data_ = larger;
    capacity_ = count;
  }

  std::size_t bytes() const { return capacity_ * sizeof(T); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(allocate_block(count * sizeof(T)));
  }

  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace topoeval
