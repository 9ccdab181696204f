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
#include <vector>

#include "../common/engine.hpp"

namespace topoeval {
class Team;
}

namespace topoeval::volume {

class Grid;

// Which reduction H1 uses.  Both give the same pairs.  The primal one is mostly faster, but
// on percolation-like volumes its chains explode, so it has a budget of steps.
enum class Loops { automatic, primal, dual };

// A bar of the core's H1 by its cells: the edge that opens the loop and the square that fills it.
// Each has the index in C order of the voxel with which it enters, and its number in the
// star of that voxel (star.hpp).
struct LoopBar {
  std::int32_t edge_voxel, square_voxel;
  std::uint8_t edge, square;
};

template <class Key> class Engine {
 public:
  Engine();
  ~Engine();

  void run(const Field<Key>& field, const Request& request, int threads, Interrupt& interrupt,
           Diagram& out);

  // The bars of positive length of the core's H1, and nothing else.  Keeps its memory for the next
  // volume, however large.
  void run_loops(const Field<Key>& field, Construction construction, Loops loops, int threads,
                 Interrupt& interrupt, std::vector<LoopBar>& out);

  // What it holds on to between runs.
  std::size_t bytes() const;
  void release();

  // For tests: insists on one reduction, or on entries of 128 bits however small the volume.
  void force(Loops loops, bool wide_entries) {
    loops_ = loops;
    wide_entries_ = wide_entries;
  }

 private:
  struct Workspace;

  // The steps up to H1; returns whether it is wanted, and then workspace_->cells await reduction.
  bool prepare_loops(const Field<Key>& field, const Grid& grid, const Request& request, Team& team,
                     Diagram& out);

  std::unique_ptr<Workspace> workspace_;
  Loops loops_ = Loops::automatic;
  bool wide_entries_ = false;
};

extern template class Engine<std::int32_t>;
extern template class Engine<std::int64_t>;

}  // namespace topoeval::volume
