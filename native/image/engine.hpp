// Persistent homology of an image: H0 and H1 with the pixels of birth and death.
//
//   scan      masks, extrema and saddles, one row at a time
//   trace     the ends of every saddle's descending paths
//   merge     saddles upwards: the younger of two minima dies in each merge (H0)
//   trace     the ends of the ascending paths of saddles that merged nothing
//   merge     those saddles downwards: the younger of two maxima is where a loop dies (H1)
//
// The core is V; T is the same on the reversed order with the outside below every pixel,
// see common/engine.hpp.
#pragma once

#include <cstdint>

#include "../common/engine.hpp"
#include "extrema.hpp"
#include "kernels.hpp"
#include "masks.hpp"
#include "pair_writer.hpp"
#include "saddles.hpp"
#include "traces.hpp"

namespace topoeval::image {

template <class Key> class Engine {
 public:
  void run(const Field<Key>& field, const Request& request, int threads, Interrupt& interrupt,
           Diagram& out);

  // Memory kept for the next image.
  std::size_t bytes() const {
    return masks_.bytes() + minima_.bytes() + maxima_.bytes() + saddles_.bytes() +
           tracer_.bytes() + keys_.bytes() + half_.bytes() + flags_.bytes() + positive_.bytes();
  }

 private:
  using Death = typename UnionFind<Key>::Death;

  // Edges in the order in which they join, and what died at each.
  struct Joins {
    static constexpr int kMost = 32;
    int size = 0;
    Keyed<Key> at[kMost];
    Death died[kMost];
  };

  void scan(const Field<Key>& core, bool outside_is_lower, Interrupt& interrupt);
  void trace(Sense sense, Interrupt& interrupt);
  template <bool Descending, class Visit>
  void merge(const Keyed<Key>* order, std::int64_t count, UnionFind<Key>& classes,
             Interrupt& interrupt, Visit visit);
  void write(const Joins& joins, const Extrema<Key>& extrema, PairWriter<Key>& out);
  void merge_up(Interrupt& interrupt, bool keep_positive, PairWriter<Key>& out);
  void merge_down(Interrupt& interrupt, PairWriter<Key>& out);

  Masks masks_;
  Extrema<Key> minima_, maxima_;
  Saddles<Key> saddles_;
  Tracer<Key> tracer_;
  Buffer<Key> keys_;
  Buffer<Mask> half_;
  Buffer<RowFlags> flags_;

  // Saddle edges in ascending order that may close a loop: those that merged no minima.
  Buffer<Keyed<Key>> positive_;
  std::int64_t positives_ = 0;
};

extern template class Engine<std::int32_t>;
extern template class Engine<std::int64_t>;

}  // namespace topoeval::image
