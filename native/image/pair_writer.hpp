// Core pairs on their way into the diagram.
//
// They arrive as an extremum and a saddle, and leave as pixels of the construction that was
// asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "../common/diagram.hpp"
#include "extrema.hpp"
#include "masks.hpp"

namespace topoeval::image {

template <class Key> class PairWriter {
 public:
  // Minima are born and die at saddles; maxima are where what a saddle gave birth to dies.  dual:
  // the core runs on the reversed array, and birth and death trade places.
  PairWriter(const Masks& masks, const Extrema<Key>& extrema, Sense sense, bool dual,
             std::vector<Pair>& pairs)
      : masks_(masks), extrema_(extrema), extremum_is_birth_((sense == Sense::down) != dual),
        mirror_(dual ? masks.last_pixel() : 0), sign_(dual ? -1 : 1), pairs_(pairs) {
    // Every extremum dies once at most.
    pairs_.reserve(pairs_.size() + static_cast<std::size_t>(extrema.count()) + kWaiting);
  }
  PairWriter(const PairWriter&) = delete;
  PairWriter& operator=(const PairWriter&) = delete;

  struct Waiting {
    std::int32_t extremum;
    Position saddle;
  };

  // Room for `count` pairs; keep() says how many of them there are in the end.
  Waiting* room(int count) {
    if (count_ + count > kWaiting) flush();
    return waiting_ + count_;
  }
  void keep(int count) { count_ += count; }

  // To be called at the end.
  void flush() {
    const std::size_t first = pairs_.size();
    pairs_.resize(first + static_cast<std::size_t>(count_));
    Pair* pairs = pairs_.data() + first;
    for (int i = 0; i < count_; ++i) {
      const std::int32_t extremum = mirror_ + sign_ * extrema_.pixel(waiting_[i].extremum);
      const std::int32_t saddle = mirror_ + sign_ * masks_.pixel(waiting_[i].saddle);
      pairs[i] = extremum_is_birth_ ? Pair{extremum, saddle} : Pair{saddle, extremum};
    }
    count_ = 0;
  }

 private:
  static constexpr int kWaiting = 256;

  const Masks& masks_;
  const Extrema<Key>& extrema_;
  const bool extremum_is_birth_;
  const std::int32_t mirror_, sign_;
  std::vector<Pair>& pairs_;
  int count_ = 0;
  Waiting waiting_[kWaiting];
};

}  // namespace topoeval::image
