// Connected components of a mask, read row by row.
//
// Runs of set bits get provisional labels, and runs that touch join theirs.  Only the runs of
// two planes exist at a time, so what a component has to tell (below) is gathered in its label.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "bit_rows.hpp"

namespace topoeval::matching {

constexpr std::int64_t kNoPosition = INT64_MAX;

// What is asked of every component.
struct Questions {
  bool corners = false;              // components touch in corners too (8 and 26 neighbours)
  bool drop_border = false;          // components at the array's border are not reported
  const BitRows* p = nullptr;        // does it hold a voxel of P, of G?
  const BitRows* g = nullptr;
  const BitRows* within = nullptr;   // which is its first voxel in this mask?
  bool events = false;               // when does the raster meet it? see Component
};

struct Component {
  std::int32_t parent;
  std::uint8_t holds;  // bit 0: a voxel of P; bit 1: of G
  std::int64_t first;  // in `within`; kNoPosition if there is none
  // A raster that enters all voxels outside the mask meets the component at its event: -1 if it
  // holds voxel 0, else 3 v + type for the first voxel v outside and before one of its voxels u that
  // touches it.  Types are by axis, z, y, x: the order in which edges of one voxel enter.
  std::int64_t event;
};

class RunLabels {
 public:
  // rank: 2 or 3.
  void label(const BitRows& mask, int rank, const Questions& asked, Interrupt& interrupt) {
    mask_ = &mask;
    rank_ = rank;
    asked_ = asked;
    components_.assign(1, {0, 0, kNoPosition, kNoPosition});  // 0: what is at the border
    for (std::int64_t z = 0; z < mask.depth(); ++z) {
      here_.clear();
      for (std::int64_t y = 0; y < mask.height(); ++y) {
        if (y % 256 == 0) interrupt.poll();
        here_.rows.push_back(here_.runs.size());
        find_runs(z, y);
        here_.rows.push_back(here_.runs.size());
        if (y > 0) touch(here_, y, here_, y - 1);
        if (z > 0) touch(here_, y, below_, y);
        if (z > 0 && asked.corners) {
          if (y > 0) touch(here_, y, below_, y - 1);
          if (y + 1 < mask.height()) touch(here_, y, below_, y + 1);
        }
        here_.rows.pop_back();
      }
      here_.rows.push_back(here_.runs.size());
      std::swap(here_, below_);
    }
  }

  template <class Visit> void for_each(Visit visit) const {
    for (std::size_t i = 1; i < components_.size(); ++i) {
      if (components_[i].parent == static_cast<std::int32_t>(i)) visit(components_[i]);
    }
  }

  std::int64_t count() const {
    std::int64_t count = 0;
    for_each([&](const Component&) { ++count; });
    return count;
  }

  std::size_t bytes() const {
    return components_.capacity() * sizeof(Component) +
           (here_.runs.capacity() + below_.runs.capacity()) * sizeof(Run) +
           (here_.rows.capacity() + below_.rows.capacity()) * sizeof(std::size_t);
  }
  void release() { *this = RunLabels(); }

 private:
  struct Run {
    std::int32_t begin, end, label;
  };
  struct Plane {
    std::vector<Run> runs;
    std::vector<std::size_t> rows;  // where each begins, and the last ends

    void clear() {
      runs.clear();
      rows.clear();
    }
  };

  void find_runs(std::int64_t z, std::int64_t y) {
    constexpr BitRows::Word kClear = ~BitRows::Word{0};
    const std::int64_t width = mask_->width(), r = z * mask_->height() + y;
    const bool at_border = y == 0 || y == mask_->height() - 1 ||
                           (rank_ == 3 && (z == 0 || z == mask_->depth() - 1));
    for (std::int64_t begin = mask_->next(r, 0); begin < width;) {
      const std::int64_t end = mask_->next(r, begin, kClear);
      const auto label = static_cast<std::int32_t>(components_.size());
      Component component{label, 0, kNoPosition, kNoPosition};
      if (asked_.p != nullptr) {
        const int in_p = asked_.p->next(r, begin) < end, in_g = asked_.g->next(r, begin) < end;
        component.holds = static_cast<std::uint8_t>(in_p | in_g << 1);
      }
      if (asked_.within != nullptr) {
        const std::int64_t first = asked_.within->next(r, begin);
        if (first < end) component.first = r * width + first;
      }
      if (asked_.events) component.event = event(z, y, begin, end);
      components_.push_back(component);
      here_.runs.push_back(
          {static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end), label});
      if (asked_.drop_border && (at_border || begin == 0 || end == width)) join(0, label);
      begin = mask_->next(r, end);
    }
  }

  std::int64_t event(std::int64_t z, std::int64_t y, std::int64_t begin, std::int64_t end) const {
    const std::int64_t width = mask_->width(), r = z * mask_->height() + y;
    if (r == 0 && begin == 0) return -1;
    std::int64_t earliest = begin > 0 ? 3 * (r * width + begin - 1) + 2 : kNoPosition;
    const auto look = [&](std::int64_t dz, std::int64_t dy, std::int64_t type) {
      if (z < dz || y < dy) return;
      const std::int64_t other = r - dz * mask_->height() - dy;
      const std::int64_t from = asked_.corners && begin > 0 ? begin - 1 : begin;
      const std::int64_t clear = mask_->next(other, from, ~BitRows::Word{0});
      if (clear < end) earliest = std::min(earliest, 3 * (other * width + clear) + type);
    };
    look(0, 1, 1);
    if (rank_ == 3) look(1, 0, 0);
    if (rank_ == 3 && asked_.corners) look(1, 1, 0);
    return earliest;
  }

  // Joins the runs of one row with those of another that they touch.
  void touch(Plane& plane, std::int64_t y, const Plane& other, std::int64_t other_y) {
    const std::int32_t reach = asked_.corners ? 1 : 0;
    std::size_t first = other.rows[static_cast<std::size_t>(other_y)];
    const std::size_t last = other.rows[static_cast<std::size_t>(other_y + 1)];
    const std::size_t end = plane.rows[static_cast<std::size_t>(y + 1)];
    for (std::size_t i = plane.rows[static_cast<std::size_t>(y)]; i < end; ++i) {
      Run& run = plane.runs[i];
      while (first < last && other.runs[first].end + reach <= run.begin) ++first;
      for (std::size_t k = first; k < last && other.runs[k].begin < run.end + reach; ++k) {
        run.label = join(run.label, other.runs[k].label);
      }
    }
  }

  std::int32_t find(std::int32_t label) {
    Component* components = components_.data();
    while (components[label].parent != label) {
      label = components[label].parent = components[components[label].parent].parent;
    }
    return label;
  }

  std::int32_t join(std::int32_t a, std::int32_t b) {
    a = find(a);
    b = find(b);
    if (a == b) return a;
    if (b < a) std::swap(a, b);
    Component &kept = components_[static_cast<std::size_t>(a)],
              &lost = components_[static_cast<std::size_t>(b)];
    lost.parent = a;
    kept.holds |= lost.holds;
    kept.first = std::min(kept.first, lost.first);
    kept.event = std::min(kept.event, lost.event);
    return a;
  }

  const BitRows* mask_ = nullptr;
  int rank_ = 2;
  Questions asked_;
  std::vector<Component> components_;
  Plane here_, below_;
};

}  // namespace topoeval::matching
