// The star of a voxel: the 26 cells that have it as a corner, and how they meet.
//
// A cell of the star is named by a number, the same for every voxel:
//   0 .. 5    edges      -z -y -x +z +y +x
//   6 .. 17   squares    a pair of edges of different axes
//   18 .. 25  cubes      a triple of edges, one per axis
// Edges and squares are numbered by their first corner, then by their type (the axis of an edge, the
// normal of a square).  This settles ties between the cells that enter with one voxel, here
// as in matching/grid.hpp.
//
// The number also names a neighbour: the corner of that cell opposite to the voxel.  So one
// 26-bit word says which neighbours are lower, and by that everything about the star.
//
// Squares and cubes are often counted from 0 within their kind (s = 0 .. 11, c = 0 .. 7).
#pragma once

#include <cstdint>

namespace topoeval::volume {

constexpr int kEdges = 6, kSquares = 12, kCubes = 8, kNeighbours = 26;
constexpr int kSquareShift = kEdges, kCubeShift = kEdges + kSquares;

constexpr std::uint32_t kEdgeBits = (1u << kEdges) - 1;
constexpr std::uint32_t kSquareBits = (1u << kSquares) - 1;
constexpr std::uint32_t kCubeBits = (1u << kCubes) - 1;
constexpr std::uint32_t kAllNeighbours = (1u << kNeighbours) - 1;

namespace detail {

constexpr int opposite_edge(int e) { return e < 3 ? e + 3 : e - 3; }

// Along x, y or z: bit `axis` of a cube's number is the sign.
constexpr int cube_edge(int c, int axis) { return 2 - axis + (c >> axis & 1) * 3; }

// Which edges span a square or cube.
struct Geometry {
  std::uint8_t square_edges[kSquares][2] = {};
  std::uint8_t square_of[kEdges][kEdges] = {};       // of two edges of different axes
  std::uint16_t squares_around[kEdges] = {};         // the four squares at an edge
  std::uint16_t cube_squares[kCubes] = {};           // the three squares of a cube, a mask
  std::uint8_t square_cubes[kSquares][2] = {};       // the two cubes at a square
  std::int8_t step[kNeighbours][3] = {};             // x, y, z of the opposite corner

  constexpr Geometry() {
    constexpr int spans[kSquares][2] = {{0, 1}, {0, 2}, {0, 5}, {0, 4}, {1, 2}, {1, 5},
                                        {1, 3}, {2, 4}, {2, 3}, {4, 5}, {3, 5}, {3, 4}};
    for (int s = 0; s < kSquares; ++s) {
      const int a = spans[s][0], b = spans[s][1];
      square_edges[s][0] = static_cast<std::uint8_t>(a);
      square_edges[s][1] = static_cast<std::uint8_t>(b);
      square_of[a][b] = square_of[b][a] = static_cast<std::uint8_t>(s);
      squares_around[a] = static_cast<std::uint16_t>(squares_around[a] | 1 << s);
      squares_around[b] = static_cast<std::uint16_t>(squares_around[b] | 1 << s);
    }
    for (int e = 0; e < kEdges; ++e) step[e][2 - e % 3] = e < 3 ? -1 : 1;
    for (int s = 0; s < kSquares; ++s) {
      for (int axis = 0; axis < 3; ++axis) {
        step[kSquareShift + s][axis] = static_cast<std::int8_t>(
            step[square_edges[s][0]][axis] + step[square_edges[s][1]][axis]);
      }
    }
    int cubes_seen[kSquares] = {};
    for (int c = 0; c < kCubes; ++c) {
      const int edge[3] = {cube_edge(c, 0), cube_edge(c, 1), cube_edge(c, 2)};
      for (int i = 0; i < 3; ++i) {
        step[kCubeShift + c][i] = step[edge[i]][i];
        const int s = square_of[edge[i]][edge[(i + 1) % 3]];
        cube_squares[c] = static_cast<std::uint16_t>(cube_squares[c] | 1 << s);
        square_cubes[s][cubes_seen[s]++] = static_cast<std::uint8_t>(c);
      }
    }
  }
};

}  // namespace detail

inline constexpr detail::Geometry kStar{};

using detail::opposite_edge;

// The neighbours within a cube of the star, the voxel itself left out.
constexpr std::uint32_t cube_neighbours(int c) {
  std::uint32_t edges = 0;
  for (int axis = 0; axis < 3; ++axis) edges |= 1u << detail::cube_edge(c, axis);
  return edges | static_cast<std::uint32_t>(kStar.cube_squares[c]) << kSquareShift |
         1u << (kCubeShift + c);
}

}  // namespace topoeval::volume
