// H1 of two volumes of zeros and ones: matched loops by two persistence runs.
//
// For X = P, G an image of three levels puts F_X before the rest of F_C before all else (union), or
// F_C before the rest of F_X before all else (intersection).  Of its bars those count that
// begin in F_X and end outside F_C, respectively begin in F_C and end outside F_X; the cell that
// kills (or opens) such a loop is its mark, and loops with the same mark match.  See masks.hpp.
//
// Marks of X are those of C less some: every loop of F_C dies outside (opens in F_C), at a cell that
// does not depend on X; it is no mark of X if the loop was born in the rest of F_C
// (died in the rest of F_X).  So these are looked for, and counted off: where the masks hardly
// differ there are few, and they alone have to be reduced, never the loops of F_X (of the outside).
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
#include <vector>

#include "../common/buffer.hpp"
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
    const auto passing = intersection ? volume::Passing::out_of_two : volume::Passing::into_zero;
    for (int side = 0; side < 2; ++side) {
      interrupt.poll();
      const std::int64_t foreground =
          fill_levels(side == 0 ? p : g, side == 0 ? g : p, box, intersection, levels);
      if (framed) fill_frame(box, levels);
      // Long chains arise where the space in the way of loops is large: the other side is quick.
      const bool sparse = 2 * foreground < box.size();
      const bool dual = sparse == (construction == Construction::vertices);
      engine_.pass_loops(Field<std::int32_t>(view_of(levels, box), true), construction, passing,
                         dual ? volume::Loops::dual : volume::Loops::automatic, threads, interrupt,
                         lost_[side]);
    }
    const auto &of_p = lost_[0].marks, &of_g = lost_[1].marks;
    return lost_[0].alive -
           static_cast<std::int64_t>(of_p.size() + of_g.size()) + common(of_p, of_g);
  }

  std::size_t bytes() const {
    return levels_.bytes() + engine_.bytes() +
           (lost_[0].marks.capacity() + lost_[1].marks.capacity()) * sizeof(std::int64_t);
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
  static constexpr std::uint8_t kFrame = 3, kFirst = 2, kSecond = 1;  // levels; all else is 0

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

  // Returns how many voxels belong to either mask.
  static std::int64_t fill_levels(const BitRows& x, const BitRows& other, const Box& box,
                                  bool intersection, std::uint8_t* levels) {
    std::int64_t foreground = 0;
    for (std::int64_t z = box.low[0]; z < box.high[0]; ++z) {
      for (std::int64_t y = box.low[1]; y < box.high[1]; ++y) {
        const std::int64_t r = z * x.height() + y;
        const BitRows::Word *mine = x.row(r), *theirs = other.row(r);
        for (std::int64_t at = box.low[2]; at < box.high[2]; ++at) {
          const auto a = static_cast<std::uint8_t>(mine[at >> 6] >> (at & 63) & 1);
          const auto b = static_cast<std::uint8_t>(theirs[at >> 6] >> (at & 63) & 1);
          const auto level = static_cast<std::uint8_t>(a + (intersection ? a & b : a | b));
          *levels++ = level;
          foreground += level != 0;
        }
      }
    }
    return foreground;
  }

  // A frame enters before all voxels, see topoeval.digital.border.
  static void fill_frame(const Box& box, std::uint8_t* levels) {
    for (std::int64_t z = 0; z < box.side(0); ++z) {
      for (std::int64_t y = 0; y < box.side(1); ++y, levels += box.side(2)) {
        const bool whole_row =
            z == 0 || z == box.side(0) - 1 || y == 0 || y == box.side(1) - 1;
        if (whole_row) std::fill_n(levels, box.side(2), kFrame);
        levels[0] = levels[box.side(2) - 1] = kFrame;
      }
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
  volume::PassingLoops lost_[2];  // the marks of C that P, that G does not have
};

}  // namespace topoeval::matching
