// The components of both phases of a grid, row by row.
//
// Each row is runs of one colour.  A run takes the label of a run that it touches in an earlier row, and
// labels that meet are joined.  Labels are written at once and replaced at the end: what is
// kept besides them is the runs of two planes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "grid.hpp"

namespace topoeval::repair {

template <int D> class Labelling {
 public:
  explicit Labelling(const Grid<D>& grid) : grid_(grid) {}

  // Components are numbered by their first voxels; the margin is of component 0.
  void run(Index* labels, std::vector<Index>& sizes, std::vector<std::uint8_t>& phases,
           Interrupt& interrupt) {
    parents_.clear();
    voxels_.clear();
    colours_.clear();
    const std::int64_t height = grid_.sides[1];
    for (std::int64_t z = 0; z < grid_.sides[0]; ++z) {
      here_.clear();
      for (std::int64_t y = 0; y < height; ++y) {
        if (y % 256 == 0) interrupt.poll();
        find_runs(static_cast<Index>((z * height + y) * grid_.sides[2]));
        for (const std::uint8_t phase : {std::uint8_t{0}, std::uint8_t{1}}) {
          const bool corners = grid_.adjacent(phase) == Grid<D>::kNear;
          if (y > 0) touch(y, here_, y - 1, phase, corners);
          if (z == 0) continue;
          touch(y, below_, y, phase, corners);
          if (corners && y > 0) touch(y, below_, y - 1, phase, corners);
          if (corners && y + 1 < height) touch(y, below_, y + 1, phase, corners);
        }
        const std::size_t first = here_.rows[static_cast<std::size_t>(y)];
        for (std::size_t i = first; i < here_.runs.size(); ++i) write(here_.runs[i], y, z, labels);
      }
      std::swap(here_, below_);
    }
    number(sizes, phases);
    for (Index at = 0; at < grid_.size; ++at) labels[at] = parents_[labels[at]];
  }

  std::size_t bytes() const {
    return (parents_.capacity() + voxels_.capacity()) * sizeof(Index) + colours_.capacity() +
           (here_.runs.capacity() + below_.runs.capacity()) * sizeof(Run);
  }

 private:
  struct Run {
    std::int32_t begin, end;
    Index label;
  };
  struct Plane {
    std::vector<Run> runs;
    std::vector<std::size_t> rows;  // where each begins
    void clear() {
      runs.clear();
      rows.clear();
    }
    std::size_t end(std::int64_t row) const {
      const auto next = static_cast<std::size_t>(row) + 1;
      return next < rows.size() ? rows[next] : runs.size();
    }
  };

  void find_runs(Index start) {
    const std::uint8_t* colours = grid_.colour.data() + start;
    const auto width = static_cast<std::int32_t>(grid_.sides[2]);
    here_.rows.push_back(here_.runs.size());
    for (std::int32_t begin = 0; begin < width;) {
      std::int32_t end = begin + 1;
      while (end < width && colours[end] == colours[begin]) ++end;
      here_.runs.push_back({begin, end, kNowhere});
      begin = end;
    }
  }

  // Colours alternate, and every row begins in the margin, with 0.
  void touch(std::int64_t row, const Plane& plane, std::int64_t other, std::uint8_t phase,
             bool corners) {
    const std::int32_t reach = corners ? 1 : 0;
    std::size_t k = plane.rows[static_cast<std::size_t>(other)] + phase;
    const std::size_t last = plane.end(other), end = here_.runs.size();
    for (std::size_t i = here_.rows[static_cast<std::size_t>(row)] + phase; i < end; i += 2) {
      Run& run = here_.runs[i];
      while (k < last && plane.runs[k].end + reach <= run.begin) k += 2;
      for (std::size_t j = k; j < last && plane.runs[j].begin < run.end + reach; j += 2) {
        run.label = join(run.label, plane.runs[j].label);
      }
    }
  }

  void write(Run& run, std::int64_t y, std::int64_t z, Index* labels) {
    const std::int64_t row = (z * grid_.sides[1] + y) * grid_.sides[2];
    if (run.label == kNowhere) {
      run.label = static_cast<Index>(parents_.size());
      parents_.push_back(run.label);
      voxels_.push_back(0);
      colours_.push_back(grid_.colour[static_cast<std::size_t>(row + run.begin)]);
    }
    voxels_[run.label] += static_cast<Index>(run.end - run.begin);
    std::fill(labels + row + run.begin, labels + row + run.end, run.label);
  }

  Index find(Index label) {
    while (parents_[label] != label) label = parents_[label] = parents_[parents_[label]];
    return label;
  }
  Index join(Index a, Index b) {
    if (a == kNowhere || a == b) return b;
    a = find(a);
    b = find(b);
    if (a == b) return a;
    if (b < a) std::swap(a, b);
    parents_[b] = a;
    return a;
  }

  // parents_ become the numbers of components.  A root comes before all that it is the root of.
  void number(std::vector<Index>& sizes, std::vector<std::uint8_t>& phases) {
    sizes.clear();
    phases.clear();
    for (Index label = 0; label < parents_.size(); ++label) {
      if (parents_[label] == label) {
        parents_[label] = static_cast<Index>(sizes.size());
        sizes.push_back(voxels_[label]);
        phases.push_back(colours_[label]);
      } else {
        parents_[label] = parents_[parents_[label]];
        sizes[parents_[label]] += voxels_[label];
      }
    }
  }

  const Grid<D>& grid_;
  // Of a label: one that it was joined to, its voxels, its colour.
  std::vector<Index> parents_, voxels_;
  std::vector<std::uint8_t> colours_;
  Plane here_, below_;
};

}  // namespace topoeval::repair
