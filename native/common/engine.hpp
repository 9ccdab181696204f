// The contract between the engines (2D: native/image, 3D: native/volume) and the batch.
//
// Filtration.  Voxels enter in the order (value, index): smaller values first in sublevel
// sets, larger first in superlevel sets, and among equal values always the smaller index.
//   V: voxels are vertices; a cell enters with its last vertex (2D: 4-connected).
//   T: voxels are top cells; a cell enters with its first top cell (2D: 8-connected).
// Pairs of equal value are dropped, the one essential class is (minimum, kNever) in H0, and
// coefficients are Z/2.
//
// Duality.  Both engines know one core: V with an "outside" cell around the array.  For V
// the outside comes after every voxel.  T is the V core run on the reversed order with
// the outside before every voxel; a core pair (b, d) of dimension k is then the pair (d, b)
// of dimension D-1-k.  Reversing the *whole* order, ties too, keeps the rule above; an engine
// that settles ties by ascending index may read the array backwards (index i as n-1-i).
#pragma once

#include <cstdint>

#include "diagram.hpp"
#include "field.hpp"
#include "interrupt.hpp"

namespace topoeval {

enum class Construction : std::uint8_t { vertices, top_cells };  // V, T

struct Request {
  Construction construction = Construction::vertices;
  bool superlevel = false;
  unsigned dims = 7;  // bit k set: H_k is wanted; what is not wanted costs as little as can be

  bool wants(int dim) const { return (dims >> dim) & 1u; }
};

// An engine is a class template over the key with reusable buffers and one function:
//
//   namespace image  { template <class Key> class Engine; }
//   namespace volume { template <class Key> class Engine; }
//
//   void Engine<Key>::run(const Field<Key>& field, const Request& request, int threads,
//                         Interrupt& interrupt, Diagram& out);
//
// `field` already runs in the direction of the filtration (complemented for superlevel
// sets), `out` is cleared by run, `threads` is how many may work inside this one array.  run
// throws NotANumber, Interrupted or std::bad_alloc; the engine may be used again after that.
//
//   std::size_t Engine<Key>::bytes() const;
//
// How much memory the engine holds for its next run.  With it, batch.cpp decides whether
// to keep the engine between calls; one without it is not kept.

}  // namespace topoeval
