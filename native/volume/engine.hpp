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
template <class Key> struct Stages;

// Which reduction H1 uses.  Both give the same pairs.  The primal one is mostly faster, but
// on percolation-like volumes its chains explode, so it has a budget of steps.
enum class Loops { automatic, primal, dual };

// Loops of an image of levels 0 to 4, highest first, that pass from one level to another.  A
// mark is a cell: the index in C order of the voxel with which it enters, times 16, and its number in
// the star of that voxel (star.hpp) or, if it is a square, that within its kind.
enum class Passing {
  into_zero,    // alive: before level 0; marks: the cells of level 0 by which loops born at level 1 die
  out_of_three  // alive: after level 3; marks: the cells from level 3 on that open loops that die at level 2
};
struct PassingLoops {
  std::int64_t alive = 0;
  std::vector<std::int64_t> marks[2];  // ascending; the second ones with levels 1 and 2 exchanged
};

template <class Key> class Engine {
 public:
  Engine();
  ~Engine();

  void run(const Field<Key>& field, const Request& request, int threads, Interrupt& interrupt,
           Diagram& out);

  // H1 of levels (bytes, rows without gaps), and nothing else.  Loops::dual: cohomology will be quick, so
  // it needs no budget.
  void pass_loops(const ArrayView& levels, Construction construction, Passing passing, Loops loops,
                  int threads, Interrupt& interrupt, PassingLoops& out);

  // What it holds on to between runs.
  std::size_t bytes() const;
  void release();

  // For tests: insists on one reduction, or on entries of 128 bits however small the volume.
  void force(Loops loops, bool wide_entries) {
    loops_ = loops;
    wide_entries_ = wide_entries;
  }
  // For tests: reductions of pass_loops that have a budget give up after so many steps.
  void limit(std::int64_t budget) { budget_ = budget; }

 private:
  struct Workspace;

  // The steps up to H1; returns whether it is wanted, and then workspace_->cells await reduction.
  // levels: few values, and so long paths, for which notes are worth their memory.
  bool prepare_loops(const Field<Key>& field, const Grid& grid, const Request& request, bool levels,
                     Team& team, Diagram& out);

  // The marks of one order of the levels, its middle stage the first one.
  void pass_the_other_way(const Field<Key>& levels, const Grid& grid, const Stages<Key>& stages,
                          std::int64_t budget, Team& team, std::vector<std::int64_t>& marks);

  std::unique_ptr<Workspace> workspace_;
  Loops loops_ = Loops::automatic;
  bool wide_entries_ = false;
  std::int64_t budget_ = -1;  // none given: the usual one
};

extern template class Engine<std::int32_t>;
extern template class Engine<std::int64_t>;

}  // namespace topoeval::volume
