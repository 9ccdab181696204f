// The padded grid, and the star of a voxel on it, in two or three dimensions.
//
// A border of one voxel, the "outside", surrounds the array.  A place is a position in the
// padded grid; places ascend with indices and so settle ties alike.
//
// A cell of a voxel's star is known by its offset in the doubled grid, a vector of -1, 0 and 1.
// Cells of one dimension are numbered by their first corner, then by their type: an edge's axis, a
// square's normal.  That number settles ties between cells that enter with the same voxel.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace topoeval::matching {

using Place = std::int32_t;

class TooLarge : public std::invalid_argument {
 public:
  TooLarge() : std::invalid_argument("an item of betti_matching may have 2^27 voxels at most") {}
};

template <int D> class Grid {
 public:
  static_assert(D == 2 || D == 3);
  static constexpr int kEdges = 2 * D;
  static constexpr int kFacets = D == 2 ? 4 : 12;     // of dimension D - 1, in one star
  static constexpr int kTops = 1 << D;                // of dimension D, in one star
  static constexpr int kNeighbours = D == 2 ? 8 : 26;

  // The corners of a cell other than the voxel whose star it lies in, as offsets of places.
  struct Facet {
    Place corner[D == 2 ? 1 : 3];
    int side[2];  // the two top cells it separates
  };
  struct Top {
    Place corner[kTops - 1];
  };

  // reversed: places descend with indices; T is computed on such a grid.
  Grid(std::int64_t depth, std::int64_t height, std::int64_t width, bool reversed)
      : depth_(depth), height_(height), width_(width), reversed_(reversed) {
    constexpr std::int64_t kMost = std::int64_t{1} << 27;
    if (height > kMost || width > kMost || depth > kMost || height * width > kMost ||
        depth * height * width > kMost) {
      throw TooLarge();
    }
    row_ = width + 2;
    plane_ = D == 2 ? 0 : (height + 2) * row_;
    places_ = D == 2 ? (height + 2) * row_ : (depth + 2) * plane_;
    // Long thin arrays grow to nine times their size when padded.
    if (places_ > (std::int64_t{1} << 28)) throw TooLarge();
    build_star();
  }

  std::int64_t depth() const { return depth_; }
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::size_t places() const { return static_cast<std::size_t>(places_); }
  std::size_t voxels() const { return static_cast<std::size_t>(depth_ * height_ * width_); }
  bool reversed() const { return reversed_; }
  Place row() const { return static_cast<Place>(row_); }
  Place plane() const { return static_cast<Place>(plane_); }

  // The place of the first voxel of a row; z is 0 in two dimensions.
  Place row_begin(std::int64_t z, std::int64_t y) const {
    return static_cast<Place>((D == 2 ? 0 : (z + 1) * plane_) + (y + 1) * row_ + 1);
  }

  // Calls visit(first place, row number) for every row of the array.
  template <class Visit> void for_each_row(Visit visit) const {
    for (std::int64_t z = 0; z < depth_; ++z) {
      for (std::int64_t y = 0; y < height_; ++y) visit(row_begin(z, y), z * height_ + y);
    }
  }

  // Calls visit(first, end) for rows of top cells, the border's among them.  A top cell is known by
  // its first corner.
  template <class Visit> void for_each_top(Visit visit) const {
    for (std::int64_t z = -1; z < (D == 2 ? 0 : depth_); ++z) {
      for (std::int64_t y = -1; y < height_; ++y) {
        const Place first = row_begin(D == 2 ? 0 : z, y) - 1;
        visit(first, first + static_cast<Place>(width_ + 1));
      }
    }
  }

  // The index in C order of a place inside the array.
  std::int32_t index(Place place) const {
    const std::int64_t z = D == 2 ? 0 : place / plane_ - 1;
    const std::int64_t rest = D == 2 ? place : place % plane_;
    const std::int64_t y = rest / row_ - 1, x = rest % row_ - 1;
    const std::int64_t index = (z * height_ + y) * width_ + x;
    return static_cast<std::int32_t>(reversed_ ? depth_ * height_ * width_ - 1 - index : index);
  }

  Place edge[kEdges];  // offset of the other end
  Place neighbour[kNeighbours];
  Facet facet[kFacets];
  Top top[kTops];
  std::uint8_t square_edges[kFacets][2];  // the two edges at the voxel that span a square (3D)

  // Whether components can meet at a voxel, told by its neighbours alone: a mask of those that are
  // older.  Upwards they can if its lower edges hang together by no squares below it, downwards
  // if the older top cells around it hang together by no older facets.
  bool may_meet(std::uint32_t older, bool up) const {
    std::uint32_t nodes = 0, active = 0;
    if (up) {
      for (int e = 0; e < kEdges; ++e) nodes |= (older >> near_edge_[e] & 1u) << e;
      for (int l = 0; l < kLinks; ++l) active |= std::uint32_t{(older & link_[l].near) == link_[l].near} << l;
    } else {
      for (int t = 0; t < kTops; ++t) nodes |= std::uint32_t{(older & near_top_[t]) != 0} << t;
      for (int f = 0; f < kFacets; ++f) active |= std::uint32_t{(older & wall_[f].near) != 0} << f;
    }
    const Link* links = up ? link_ : wall_;
    std::uint32_t reached = nodes & (~nodes + 1);
    for (bool grows = true; grows && reached != nodes;) {
      grows = false;
      for (int l = 0; l < (up ? kLinks : kFacets); ++l) {
        if (!(active >> l & 1) || !(links[l].ends & reached) || !(links[l].ends & ~reached)) continue;
        reached |= links[l].ends;
        grows = true;
      }
    }
    return reached != nodes;
  }

 private:
  Place offset(const int* step) const {
    return static_cast<Place>(step[0] * plane_ + step[1] * row_ + step[2]);
  }

  static int top_number(const int* step) {
    return (D == 3 && step[0] > 0 ? 4 : 0) + (step[1] > 0 ? 2 : 0) + (step[2] > 0 ? 1 : 0);
  }

  // The steps of the cells of one dimension, by first corner and type.
  static std::vector<std::array<int, 3>> cells(int dimension) {
    std::vector<std::array<int, 3>> found;
    for (int code = 0; code < 27; ++code) {
      const std::array<int, 3> step{code / 9 - 1, code / 3 % 3 - 1, code % 3 - 1};
      const int size = (step[0] != 0) + (step[1] != 0) + (step[2] != 0);
      if (size == dimension && (D == 3 || step[0] == 0)) found.push_back(step);
    }
    const auto position = [&](const std::array<int, 3>& step) {
      int corner = 0, type = 0;
      for (int axis = 0; axis < 3; ++axis) {
        corner = 2 * corner + (step[static_cast<std::size_t>(axis)] >= 0);
        if ((step[static_cast<std::size_t>(axis)] != 0) == (dimension == 1)) type = axis;
      }
      return 3 * corner + (dimension == D ? 0 : type);
    };
    std::sort(found.begin(), found.end(),
              [&](const auto& a, const auto& b) { return position(a) < position(b); });
    return found;
  }

  void build_star() {
    int i = 0;
    for (const auto& step : cells(1)) edge[i++] = offset(step.data());
    i = 0;
    for (int dimension = 1; dimension <= D; ++dimension) {
      for (const auto& step : cells(dimension)) neighbour[i++] = offset(step.data());
    }
    std::sort(neighbour, neighbour + kNeighbours);
    for (const auto& step : cells(D)) corners(step.data(), top[top_number(step.data())].corner);
    i = 0;
    for (const auto& step : cells(D - 1)) {
      corners(step.data(), facet[i].corner);
      std::array<int, 3> side = step;
      int spans = 0;
      for (std::size_t axis = 3 - D; axis < 3; ++axis) {
        if (step[axis] == 0) {
          side[axis] = -1;
          facet[i].side[0] = top_number(side.data());
          side[axis] = 1;
          facet[i].side[1] = top_number(side.data());
        } else {
          int along[3] = {0, 0, 0};
          along[axis] = step[axis];
          const auto* number = std::find(edge, edge + kEdges, offset(along));
          square_edges[i][spans++] = static_cast<std::uint8_t>(number - edge);
        }
      }
      ++i;
    }
    build_links();
  }

  // All corners of the cell: the sums of some of its steps along the axes.
  void corners(const int* step, Place* out) const {
    int axes[3], count = 0;
    for (int axis = 0; axis < 3; ++axis) {
      if (step[axis] != 0) axes[count++] = axis;
    }
    for (int subset = 1; subset < 1 << count; ++subset) {
      int sum[3] = {0, 0, 0};
      for (int i = 0; i < count; ++i) {
        if (subset >> i & 1) sum[axes[i]] = step[axes[i]];
      }
      *out++ = offset(sum);
    }
  }

  // Two edges and the square they span, or two top cells and the facet between them.
  struct Link {
    std::uint32_t near;  // the corners off the voxel, as neighbours: mask
    std::uint32_t ends;  // mask
  };
  static constexpr int kLinks = D == 2 ? 4 : 12;

  int number_of(Place step) const {
    return static_cast<int>(std::find(neighbour, neighbour + kNeighbours, step) - neighbour);
  }

  template <std::size_t N> std::uint32_t near(const Place (&corner)[N]) const {
    std::uint32_t mask = 0;
    for (const Place place : corner) mask |= 1u << number_of(place);
    return mask;
  }

  void build_links() {
    for (int e = 0; e < kEdges; ++e) {
      near_edge_[e] = number_of(edge[e]);
    }
    for (int t = 0; t < kTops; ++t) near_top_[t] = near(top[t].corner);
    for (int f = 0; f < kFacets; ++f) {
      wall_[f] = {near(facet[f].corner), 1u << facet[f].side[0] | 1u << facet[f].side[1]};
    }
    for (int l = 0; l < kLinks; ++l) {
      if constexpr (D == 2) {
        link_[l].near = near_top_[l];
      } else {
        link_[l].near = wall_[l].near;
      }
      link_[l].ends = 0;
      for (int e = 0; e < kEdges; ++e) link_[l].ends |= (link_[l].near >> near_edge_[e] & 1u) << e;
    }
  }

  int near_edge_[kEdges];
  std::uint32_t near_top_[kTops];
  Link link_[kLinks], wall_[kFacets];
  std::int64_t depth_, height_, width_;
  bool reversed_;
  std::int64_t row_ = 0, plane_ = 0, places_ = 0;
};

}  // namespace topoeval::matching
