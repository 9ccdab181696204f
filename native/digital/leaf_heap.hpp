// The cheapest of a list of records, and of equally cheap ones the foremost.
//
// The records are the leaves of a tree in which every node has the lesser price of the two below.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace topoeval::digital {

class LeafHeap {
 public:
  void clear() {
    std::fill(price_.begin(), price_.end(), kNone);
    count_ = 0;
  }

  bool empty() const { return count_ == 0; }
  std::int32_t size() const { return count_; }

  // Appends; returns the position.
  std::int32_t push(double price, std::int32_t record) {
    if (count_ == capacity_) grow();
    record_[index(count_)] = record;
    set(count_, price);
    return count_++;
  }

  double price(std::int32_t position) const { return price_[index(capacity_ + position)]; }
  std::int32_t record(std::int32_t position) const { return record_[index(position)]; }
  void lower(std::int32_t position, double price) { set(position, price); }

  // The position of the record that is to be taken.
  std::int32_t foremost() const {
    std::int32_t node = 1;
    while (node < capacity_) {
      node *= 2;
      node += price_[index(node + 1)] < price_[index(node)];
    }
    return node - capacity_;
  }

  // Takes a record away; the last one takes its position.
  void remove(std::int32_t position) {
    const std::int32_t last = --count_;
    const double moved = price(last);
    record_[index(position)] = record_[index(last)];
    set(last, kNone);
    if (position != last) set(position, moved);
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::infinity();

  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }

  void set(std::int32_t position, double price) {
    std::int32_t node = capacity_ + position;
    price_[index(node)] = price;
    while (node > 1) {
      const double least = std::min(price_[index(node)], price_[index(node ^ 1)]);
      node /= 2;
      if (price_[index(node)] == least) return;
      price_[index(node)] = least;
    }
  }

  void grow() {
    const std::vector<double> before = price_;
    const std::int32_t held = capacity_;
    capacity_ *= 2;
    record_.resize(index(capacity_));
    price_.assign(index(2 * capacity_), kNone);
    std::copy_n(before.begin() + held, held, price_.begin() + capacity_);
    for (std::int32_t node = capacity_ - 1; node > 0; --node) {
      price_[index(node)] = std::min(price_[index(2 * node)], price_[index(2 * node + 1)]);
    }
  }

  std::int32_t count_ = 0, capacity_ = 64;
  std::vector<double> price_ = std::vector<double>(128, kNone);  // leaves from capacity_ on
  std::vector<std::int32_t> record_ = std::vector<std::int32_t>(64);
};

}  // namespace topoeval::digital
