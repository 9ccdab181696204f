// Core pairs on their way into the diagram, as pairs of the construction asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "../common/diagram.hpp"

namespace topoeval::image {

class PairWriter {
 public:
  // dual: the core ran on the reversed array, whose last index is `last`.
  PairWriter(std::vector<Pair>& pairs, bool dual, std::int32_t last)
      : pairs_(pairs), dual_(dual), last_(last) {}
  PairWriter(const PairWriter&) = delete;
  PairWriter& operator=(const PairWriter&) = delete;

  // Whether a pair is kept cannot be predicted, so it is written in any case.
  void append(Pair pair, bool keep) {
    waiting_[count_] = pair;
    count_ += keep;
    if (count_ == kWaiting) flush();
  }

  // To be called at the end.
  void flush() {
    if (dual_) {
      for (int i = 0; i < count_; ++i) {
        waiting_[i] = {last_ - waiting_[i].death, last_ - waiting_[i].birth};
      }
    }
    pairs_.insert(pairs_.end(), waiting_, waiting_ + count_);
    count_ = 0;
  }

 private:
  static constexpr int kWaiting = 256;

  std::vector<Pair>& pairs_;
  const bool dual_;
  const std::int32_t last_;
  int count_ = 0;
  Pair waiting_[kWaiting];
};

}  // namespace topoeval::image
