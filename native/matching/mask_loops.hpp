// H1 of two volumes of zeros and ones: matched loops by one image of levels.
//
// For X = P, G the marks of X are the cells that kill a class of F_X outside F_C (union), or that open one
// in F_C (intersection); loops with the same mark match.  See masks.hpp.
//
// Marks of X are those of C less some: every loop of F_C dies outside (opens in F_C), at a cell that
// does not depend on X; it is no mark of X if the loop was born in the rest of F_C
// (died in the rest of F_X).  So these are looked for, and counted off: where the masks hardly
// differ there are few, and they alone have to be reduced, never the loops of F_X (of the outside).
//
// Levels: 3 for what both have, 2 for P alone, 1 for G alone, 0 for neither.  With the union the loops born
// at level 1 that die at level 0 are what P lacks; with the intersection, those that open at level 3 and
// die at level 2.  For G levels 2 and 1 change places.  The frame is before all others.
//
// Crop.  Let Y be a box in the array.  For the intersection Y has to hold P and G: the marks depend
// on F_C, F_P and F_G and the order in F_C, nothing else.  For the union it has to hold them with
// a margin of two voxels, where the array is as large.  Then every star that meets F_C lies in Y, with
// its cells in the same order.  A raster prefix A of the array, and its part in Y, are
// contractible and meet F_C in the same cells (T), or C_t is the part within the inner margin,
// glued to such a prefix (V); by Mayer-Vietoris the inclusion of what has entered in Y into
// what has entered in the array is an isomorphism on H1, before each voxel.  A voxel of the
// inner margin or of the box adds the same cells to both, one by one, so it stays one and the same cell that
// kills a class of F_P.  A voxel of the outer margin, or outside Y, kills none, for it does not
// change what of A meets F_C.  A frame is foreground all around: no crop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../common/bit_packing.hpp"
#include "../common/buffer.hpp"
#include "../common/team.hpp"
#include "../volume/engine.hpp"
#include "bit_rows.hpp"
#include "grid.hpp"
#include "matching.hpp"

namespace topoeval::matching {

class MaskLoops {
 public:
  // p, g: as rows of bits, with their frame if framed.
  std::int64_t matched(const BitRows& p, const BitRows& g, Construction construction, bool framed,
                       Comparison comparison, int threads, Interrupt& interrupt) {
    const bool intersection = comparison == Comparison::intersection;
    const Box box = box_of(p, g, framed ? kWhole : intersection ? 0 : 2);
    if (box.size() >= kMostVoxels) throw TooLarge();
    std::uint8_t* levels = levels_.reserve(static_cast<std::size_t>(box.size()));
    std::vector<std::int64_t> foreground(static_cast<std::size_t>(box.side(0)));
    Team(threads, interrupt).run(box.side(0), [&](std::int64_t z, int) {
      interrupt.poll();
      std::uint8_t* plane = levels + z * box.side(1) * box.side(2);
      foreground[static_cast<std::size_t>(z)] = fill_levels(p, g, box, box.low[0] + z, plane);
      if (framed) fill_frame(box, z, plane);
    });
    // Long chains arise where the space in the way of loops is large: the other side is quick.
    const bool sparse = 2 * std::accumulate(foreground.begin(), foreground.end(), std::int64_t{0}) <
                        box.size();
    const bool dual = sparse == (construction == Construction::vertices);
    engine_.pass_loops(
        view_of(levels, box), construction,
        intersection ? volume::Passing::out_of_three : volume::Passing::into_zero,
        dual ? volume::Loops::dual : volume::Loops::automatic, threads, interrupt, lost_);
    const auto &of_p = lost_.marks[0], &of_g = lost_.marks[1];
    return lost_.alive - static_cast<std::int64_t>(of_p.size() + of_g.size()) + common(of_p, of_g);
  }

  std::size_t bytes() const {
    return levels_.bytes() + engine_.bytes() +
           (lost_.marks[0].capacity() + lost_.marks[1].capacity()) * sizeof(std::int64_t);
  }

  // How many values two sorted lists share.
  static std::int64_t common(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
    std::int64_t count = 0;
    for (std::size_t i = 0, k = 0; i < a.size() && k < b.size();) {
      if (a[i] == b[k]) ++count, ++i, ++k;
      else if (a[i] < b[k]) ++i;
      else ++k;
    }
    return count;
  }

 private:
  static constexpr std::int64_t kMostVoxels = std::int64_t{1} << 31;
  static constexpr int kWhole = -1;  // instead of a margin
  static constexpr std::uint8_t kFrame = 4;  // a level

  struct Box {
    std::int64_t low[3], high[3];  // z, y, x
    std::int64_t side(int axis) const { return high[axis] - low[axis]; }
    std::int64_t size() const { return side(0) * side(1) * side(2); }
  };

  // Around the foreground of both, which is not empty.
  static Box box_of(const BitRows& p, const BitRows& g, int margin) {
    const std::int64_t sides[3] = {p.depth(), p.height(), p.width()};
    Box box{{0, 0, 0}, {sides[0], sides[1], sides[2]}};
    if (margin == kWhole) return box;
    for (int axis = 0; axis < 3; ++axis) std::swap(box.low[axis], box.high[axis]);
    for (std::int64_t z = 0; z < p.depth(); ++z) {
      for (std::int64_t y = 0; y < p.height(); ++y) {
        const std::int64_t r = z * p.height() + y;
        const std::int64_t first = std::min(p.next(r, 0), g.next(r, 0));
        if (first == p.width()) continue;
        const std::int64_t begin[3] = {z, y, first}, end[3] = {z + 1, y + 1, last(p, g, r) + 1};
        for (int axis = 0; axis < 3; ++axis) {
          box.low[axis] = std::min(box.low[axis], begin[axis]);
          box.high[axis] = std::max(box.high[axis], end[axis]);
        }
      }
    }
    for (int axis = 0; axis < 3; ++axis) {
      box.low[axis] = std::max<std::int64_t>(box.low[axis] - margin, 0);
      box.high[axis] = std::min(box.high[axis] + margin, sides[axis]);
    }
    return box;
  }

  static std::int64_t last(const BitRows& p, const BitRows& g, std::int64_t r) {
    std::int64_t k = p.words() - 1;
    while ((p.row(r)[k] | g.row(r)[k]) == 0) --k;
    return 64 * k + volume::highest_bit(p.row(r)[k] | g.row(r)[k]);
  }

  // One plane.  Returns how many voxels belong to either mask.
  static std::int64_t fill_levels(const BitRows& p, const BitRows& g, const Box& box,
                                  std::int64_t z, std::uint8_t* levels) {
    std::int64_t foreground = 0;
    for (std::int64_t y = box.low[1]; y < box.high[1]; ++y) {
      const std::int64_t r = z * p.height() + y;
      for (std::int64_t at = box.low[2]; at < box.high[2];) {
        const std::uint64_t in_p = p.bits(r, at), in_g = g.bits(r, at);
        const std::int64_t some = std::min<std::int64_t>(64, box.high[2] - at);
        // What is beyond the box is in no mask, or beyond the row.
        foreground += volume::count_bits(in_p | in_g);
        for (std::int64_t k = 0; k < some; k += 8) {
          const std::uint64_t eight = 2 * unpack_eight(in_p >> k) + unpack_eight(in_g >> k);
          const std::int64_t last = std::min<std::int64_t>(8, some - k);
          if (last == 8) {
            for (int i = 0; i < 8; ++i) levels[i] = static_cast<std::uint8_t>(eight >> (8 * i));
          } else {
            for (int i = 0; i < last; ++i) levels[i] = static_cast<std::uint8_t>(eight >> (8 * i));
          }
          levels += last;
        }
        at += some;
      }
    }
    return foreground;
  }

  // A frame enters before all voxels, see topoeval.digital.border.
  static void fill_frame(const Box& box, std::int64_t z, std::uint8_t* levels) {
    for (std::int64_t y = 0; y < box.side(1); ++y, levels += box.side(2)) {
      const bool whole_row = z == 0 || z == box.side(0) - 1 || y == 0 || y == box.side(1) - 1;
      if (whole_row) std::fill_n(levels, box.side(2), kFrame);
      levels[0] = levels[box.side(2) - 1] = kFrame;
    }
  }

  static ArrayView view_of(const std::uint8_t* levels, const Box& box) {
    ArrayView view;
    view.data = reinterpret_cast<const char*>(levels);
    view.dtype = Dtype::u8;
    for (int axis = 0; axis < 3; ++axis) view.shape[axis] = box.side(axis);
    view.strides[2] = 1;
    view.strides[1] = view.shape[2];
    view.strides[0] = view.shape[1] * view.shape[2];
    return view;
  }

  volume::Engine<std::int32_t> engine_;
  Buffer<std::uint8_t> levels_;
  volume::PassingLoops lost_;  // the marks of C that P, that G does not have
};

}  // namespace topoeval::matching
