// Persistence of one volume, H0, H1 and H2: the steps in their order.
//
//   gradient   a record per voxel, the critical voxels       gradient.hpp, lower_star.hpp
//   traces     critical edges to minima, squares to maxima   traces.hpp
//   extrema    H0 and H2 by union-find                       extrema.hpp
//   loops      H1 by column reduction                        loops.hpp, reduction.hpp,
//                                                            primal.hpp, dual.hpp
//
// This is discrete Morse theory put to use as by Robins, Wood and Sheppard (2011) and by Guillou,
// Vidal and Tierny (Discrete Morse Sandwich, 2023): only critical cells are sorted and
// reduced, extremum-saddle pairs come from union-find, and what these leave is all that H1 has to
// treat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../common/engine.hpp"

namespace topoeval::volume {

// Which reduction H1 uses.  Both give the same pairs.  The primal one is mostly faster, but
// on percolation-like volumes its chains explode, so it has a budget of steps.
enum class Loops { automatic, primal, dual };

template <class Key> class Engine {
 public:
  Engine();
  ~Engine();

  void run(const Field<Key>& field, const Request& request, int threads, Interrupt& interrupt,
           Diagram& out);

  // What it holds on to between runs.
  std::size_t bytes() const;

  // For tests: insists on one reduction, or on entries of 128 bits however small the volume.
  void force(Loops loops, bool wide_entries) {
    loops_ = loops;
    wide_entries_ = wide_entries;
  }

 private:
  struct Workspace;
  std::unique_ptr<Workspace> workspace_;
  Loops loops_ = Loops::automatic;
  bool wide_entries_ = false;
};

extern template class Engine<std::int32_t>;
extern template class Engine<std::int64_t>;

}  // namespace topoeval::volume
