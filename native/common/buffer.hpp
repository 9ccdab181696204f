// Memory that is not initialised and only ever grows.
//
// std::vector would write zeros that are overwritten at once, and touch pages that a
// smooth image never needs: capacities here are upper bounds, and an untouched page
// costs nothing.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace topoeval {

template <class T> class Buffer {
  static_assert(std::is_trivially_copyable_v<T>, "a Buffer holds plain records");

 public:
  Buffer() = default;
  ~Buffer() { std::free(data_); }
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
      if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
      std::free(data_);
      data_ = nullptr, capacity_ = 0;
      data_ = static_cast<T*>(std::malloc(count * sizeof(T)));
      if (data_ == nullptr) throw std::bad_alloc();
      capacity_ = count;
    }
    return data_;
  }

  // Room for count elements at least, keeping the content.
  void grow(std::size_t count) {
    if (count <= capacity_) return;
    count += capacity_ / 2;
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    void* moved = std::realloc(data_, count * sizeof(T));
    if (moved == nullptr) throw std::bad_alloc();
    data_ = static_cast<T*>(moved);
    capacity_ = count;
  }

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
  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace topoeval
