// The neighbourhood of a voxel, 3^D voxels, as one integer: is the voxel simple, does a curve end?
//
// Bit k of a code is the colour of the kth voxel in row-major order; the bit of the voxel itself is
// 0.  A voxel is simple if exactly one component of the foreground and exactly one of the background
// are adjacent to it (Bertrand and Malandain, Pattern Recognition Letters 15, 1994).
// Foreground and background have dual adjacencies.  Components grow by shifts.
#pragma once

#include <cstdint>

namespace topoeval::digital {

template <int D> class Neighbourhood {
 public:
  static_assert(D == 2 || D == 3);
  using Code = std::uint32_t;
  static constexpr int kSize = D == 2 ? 9 : 27, kCentre = kSize / 2;

  constexpr Neighbourhood() {
    for (int bit = 0; bit < kSize; ++bit) {
      int distance = 0;
      for (int axis = 0, step = 1; axis < D; ++axis, step *= 3) {
        const int offset = bit / step % 3 - 1;
        distance += offset != 0;
        step_[axis] = step;
        not_first_[axis] |= static_cast<Code>(offset > -1) << bit;
        not_last_[axis] |= static_cast<Code>(offset < 1) << bit;
      }
      all_ |= static_cast<Code>(distance > 0) << bit;
      near_ |= static_cast<Code>(distance > 0 && distance <= 2) << bit;
      faces_ |= static_cast<Code>(distance == 1) << bit;
    }
    if (D == 2) {
      for (Code code = 0; code < 512; ++code) {
        for (bool corners : {false, true}) {
          table_[corners][code] = has_one_component_each(code, corners);
        }
      }
    }
  }

  // corners: the foreground is adjacent through corners (T), the background through faces.
  bool is_simple(Code code, bool corners) const {
    if constexpr (D == 2) {
      return table_[corners][code];
    } else {
      return has_one_component_each(code, corners);
    }
  }

  // Exactly one adjacent foreground voxel.
  constexpr bool is_end(Code code, bool corners) const {
    const Code adjacent = code & (corners ? all_ : faces_);
    return adjacent != 0 && (adjacent & (adjacent - 1)) == 0;
  }

 private:
  constexpr bool has_one_component_each(Code code, bool corners) const {
    const Code opposite = code ^ all_;
    return one_corner_component(corners ? code : opposite) &&
           one_face_component(corners ? opposite : code);
  }

  constexpr Code grown(Code from, int axis) const {
    return (from & not_last_[axis]) << step_[axis] | (from & not_first_[axis]) >> step_[axis];
  }

  // Whether all voxels hang together through corners, and there are any.
  constexpr bool one_corner_component(Code code) const {
    Code reached = code & (~code + 1);
    for (;;) {
      Code more = reached;
      for (int axis = 0; axis < D; ++axis) more |= grown(more, axis);
      more &= code;
      if (more == reached) return code != 0 && reached == code;
      reached = more;
    }
  }

  // Whether all voxels that share a face with the centre hang together through faces.  In 3D
  // paths keep to the 18 voxels that share an edge with it: what a corner alone would join is not
  // joined at the centre.
  constexpr bool one_face_component(Code code) const {
    code &= near_;
    const Code faces = code & faces_;
    Code reached = faces & (~faces + 1);
    for (;;) {
      Code more = reached;
      for (int axis = 0; axis < D; ++axis) more |= grown(reached, axis);
      more &= code;
      if (more == reached) return faces != 0 && (faces & ~reached) == 0;
      reached = more;
    }
  }

  int step_[D] = {};
  Code not_first_[D] = {}, not_last_[D] = {};
  Code all_ = 0, near_ = 0, faces_ = 0;
  bool table_[2][D == 2 ? 512 : 1] = {};  // of an image's neighbourhoods there are few
};

template <int D> inline constexpr Neighbourhood<D> kNeighbourhood{};

}  // namespace topoeval::digital
