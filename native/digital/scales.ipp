// See scales.hpp.  Nothing but raw loops here: a function of the standard library that is inlined in
// another file must not be the one that was compiled for this file's instructions.
#include "scales.hpp"

namespace topoeval::digital::TOPOEVAL_ISA {

namespace {

// Of a value and the value of a voxel that there is: what is no number is left out.
template <class T> inline T lower(T a, T value) { return a < value ? a : value; }
template <class T> inline T higher(T a, T value) { return a > value ? a : value; }

template <class Visit> inline void each_row(const Frame& frame, Visit visit) {
  for (std::int64_t z = 0; z < frame.inner[0]; ++z) {
    for (std::int64_t y = 0; y < frame.inner[1]; ++y) {
      visit(frame.first + z * frame.plane + y * frame.row);
    }
  }
}

template <class T> void erode(const Frame& frame, const T* maps, T* eroded) {
  const std::int64_t width = frame.inner[2], near = frame.row, far = frame.plane;
  each_row(frame, [=, &frame](std::int64_t row) {
    const T* __restrict in = maps + row;
    T* __restrict out = eroded + row;
    if (frame.axes == 2) {
      for (std::int64_t x = 0; x < width; ++x) {
        const T least = lower(in[x - 1], lower(in[x + 1], in[x]));
        out[x] = lower(in[x - near], lower(in[x + near], least));
      }
    } else {
      for (std::int64_t x = 0; x < width; ++x) {
        const T least = lower(in[x - 1], lower(in[x + 1], in[x]));
        const T flat = lower(in[x - near], lower(in[x + near], least));
        out[x] = lower(in[x - far], lower(in[x + far], flat));
      }
    }
  });
}

template <class T>
void dilate(const Frame& frame, std::int64_t step, const T* maps, T* dilated) {
  const std::int64_t width = frame.inner[2];
  each_row(frame, [=](std::int64_t row) {
    const T* __restrict in = maps + row;
    T* __restrict out = dilated + row;
    for (std::int64_t x = 0; x < width; ++x) {
      out[x] = higher(in[x - step], higher(in[x + step], in[x]));
    }
  });
}

// The last axis is that of the rows: its dilation is not stored.
template <class T>
void open(const Frame& frame, const T* maps, T* eroded, T* const* dilated, const T* factor, T* kept,
          T* product) {
  erode(frame, maps, eroded);
  const T* thick = eroded;
  for (int axis = 0; axis + 1 < frame.axes; ++axis) {
    dilate(frame, frame.steps[axis], thick, dilated[axis]);
    thick = dilated[axis];
  }
  const std::int64_t width = frame.inner[2];
  each_row(frame, [=](std::int64_t row) {
    const T* __restrict in = maps + row;
    const T* __restrict most = thick + row;
    const T* before = factor + row;
    T* out = product + row;
    T* keeps = kept == nullptr ? nullptr : kept + row;
    for (std::int64_t x = 0; x < width; ++x) {
      const T opened = higher(most[x - 1], higher(most[x + 1], most[x]));
      const T delta = in[x] - opened;
      const T keep = T{1} - higher(delta, T{0});
      if (keeps != nullptr) keeps[x] = keep;
      out[x] = before[x] * keep;
    }
  });
}

// A voxel receives what those give whose maximum along the axis it is the first to have: of the voxel
// before, the voxel itself and the voxel after.
template <class T>
void dilate_back(const Frame& frame, std::int64_t step, const T* maps, const T* maxima,
                 const T* gradient, T* received) {
  const std::int64_t width = frame.inner[2];
  each_row(frame, [=](std::int64_t row) {
    const T* __restrict in = maps + row;
    const T* __restrict most = maxima + row;
    const T* __restrict give = gradient + row;
    T* __restrict out = received + row;
    for (std::int64_t x = 0; x < width; ++x) {
      const T value = in[x], before = in[x - step], twice_before = in[x - 2 * step];
      const T last = most[x - step], here = most[x], next = most[x + step];
      // read whether or not they are wanted, so that there is no branch
      const T from_last = give[x - step], from_here = give[x], from_next = give[x + step];
      const T as_before = next == value ? from_next : T{0};
      T as_own = here == value ? from_here : T{0};
      as_own = here == before ? T{0} : as_own;
      T as_after = last == value ? from_last : T{0};
      as_after = last == before ? T{0} : as_after;
      as_after = last == twice_before ? T{0} : as_after;
      out[x] = (as_before + as_own) + as_after;
    }
  });
}

// Each voxel gives its gradient to the voxel that has its minimum first: itself, or that before or after
// it along the first axis, and so on.  shares[k]: what it gives to the kth of these.
template <class T>
void share_out(const Frame& frame, const T* maps, const T* minima, const T* gradient,
               T* const* shares) {
  const std::int64_t width = frame.inner[2];
  each_row(frame, [=, &frame](std::int64_t row) {
    const T* __restrict in = maps + row;
    const T* __restrict least = minima + row;
    T* __restrict own = shares[0] + row;
    T* __restrict rest = shares[2 * frame.axes] + row;  // the last in line has what is left
    for (std::int64_t x = 0; x < width; ++x) {
      const T give = gradient[row + x];
      own[x] = least[x] == in[x] ? give : T{0};
      rest[x] = give - own[x];
    }
    for (int k = 1; k < 2 * frame.axes; ++k) {
      const T* __restrict other = in + (k % 2 == 1 ? -1 : 1) * frame.steps[(k - 1) / 2];
      T* __restrict share = shares[k] + row;
      for (std::int64_t x = 0; x < width; ++x) {
        const T left = rest[x];
        share[x] = least[x] == other[x] ? left : T{0};
        rest[x] = left - share[x];
      }
    }
  });
}

// What the voxels receive, and `more`.  The margin of the shares is 0.
template <class T>
void collect(const Frame& frame, T* const* shares, const T* more, T* to_maps) {
  const std::int64_t width = frame.inner[2];
  each_row(frame, [=, &frame](std::int64_t row) {
    T* __restrict out = to_maps + row;
    const T* __restrict own = shares[0] + row;
    for (std::int64_t x = 0; x < width; ++x) out[x] = own[x];
    for (int axis = 0; axis < frame.axes; ++axis) {
      const T* __restrict from_after = shares[2 * axis + 1] + row + frame.steps[axis];
      const T* __restrict from_before = shares[2 * axis + 2] + row - frame.steps[axis];
      for (std::int64_t x = 0; x < width; ++x) out[x] = (out[x] + from_after[x]) + from_before[x];
    }
    const T* __restrict add = more + row;
    for (std::int64_t x = 0; x < width; ++x) out[x] = add[x] + out[x];
  });
}

template <class T>
void open_back(const Frame& frame, const T* maps, const T* eroded, const T* kept, const T* before,
               T* after, T* to_eroded, T* const* dilated, T* const* shares, T* const* spare) {
  const std::int64_t width = frame.inner[2];
  T* const to_delta = spare[0];
  // by one delta: the product of what all other scales keep
  each_row(frame, [=](std::int64_t row) {
    const T* __restrict first = before + row;
    const T* __restrict keep = kept + row;
    T* __restrict later = after + row;
    T* __restrict out = to_delta + row;
    for (std::int64_t x = 0; x < width; ++x) {
      const T others = first[x] * later[x];
      out[x] = keep[x] < T{1} ? others : T{0};
      later[x] *= keep[x];
    }
  });
  for (int axis = 0; axis < frame.axes; ++axis) {
    dilate(frame, frame.steps[axis], axis == 0 ? eroded : dilated[axis - 1], dilated[axis]);
  }
  const T* gradient = to_delta;
  for (int axis = frame.axes - 1; axis >= 0; --axis) {
    T* received = spare[1 + axis % 2];
    dilate_back(frame, frame.steps[axis], axis == 0 ? eroded : dilated[axis - 1], dilated[axis],
                gradient, received);
    gradient = received;
  }
  each_row(frame, [=](std::int64_t row) {
    const T* __restrict in = gradient + row;
    T* __restrict out = to_eroded + row;
    for (std::int64_t x = 0; x < width; ++x) out[x] -= in[x];
  });
  share_out(frame, maps, eroded, to_eroded, shares);
  collect(frame, shares, to_delta, to_eroded);
}

}  // namespace

template <class T> Scales<T> scales() { return {&open<T>, &open_back<T>}; }

template Scales<float> scales<float>();
template Scales<double> scales<double>();

}  // namespace topoeval::digital::TOPOEVAL_ISA
