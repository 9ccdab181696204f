// The row kernel, compiled once per instruction set: the including file says in which namespace
// (TOPOEVAL_ISA) and with which compiler options.
#include <type_traits>

#include "row_kernel.hpp"

#if defined(_MSC_VER)
#define TOPOEVAL_RESTRICT __restrict
#else
#define TOPOEVAL_RESTRICT __restrict__
#endif

namespace topoeval::volume::TOPOEVAL_ISA {

// Whether a voxel is regular needs no look at its type in nearly all cases.  The link of a
// regular voxel is contractible, so its Euler number (edges - squares + cubes, counted in the
// star) is 1.  Going through the 15,935 types, those with Euler number 1 that are not
// contractible all have 2 * cubes < 3 * edges - 10.
template <class Key>
void compare_row(const Key* const rows[9], std::int64_t width,
                             Voxel<Key>* TOPOEVAL_RESTRICT voxels,
                             std::uint8_t* TOPOEVAL_RESTRICT candidates) {
  using Lane = std::make_unsigned_t<Key>;  // as wide as a key, so that all lanes are alike
  const Key *bottom_back = rows[0], *bottom = rows[1], *bottom_front = rows[2];
  const Key *back = rows[3], *here = rows[4], *front = rows[5];
  const Key *top_back = rows[6], *top = rows[7], *top_front = rows[8];

  for (std::int64_t x = 0; x < width; ++x) {
    const Key key = here[x];
    // Equal keys: the smaller place is the lower voxel.
    const auto before = [key](Key other) { return static_cast<Lane>(other <= key); };
    const auto after = [key](Key other) { return static_cast<Lane>(other < key); };
    const Lane e0 = before(bottom[x]), e1 = before(back[x]), e2 = before(here[x - 1]);
    const Lane e3 = after(top[x]), e4 = after(front[x]), e5 = after(here[x + 1]);
    Lane bits = e0 | e1 << 1 | e2 << 2 | e3 << 3 | e4 << 4 | e5 << 5;
    bits |= (bits & (bits - 1)) << kPositiveShift;

    Lane squares = 0;
    const auto square = [&](int s, Lane corner, Lane a, Lane b) {
      bits |= corner << (kSquareShift + s);
      const Lane whole = corner & a & b;
      squares += whole;
      return whole;
    };
    const Lane s0 = square(0, before(bottom_back[x]), e0, e1),
               s1 = square(1, before(bottom[x - 1]), e0, e2);
    const Lane s2 = square(2, before(bottom[x + 1]), e0, e5),
               s3 = square(3, before(bottom_front[x]), e0, e4);
    const Lane s4 = square(4, before(back[x - 1]), e1, e2),
               s5 = square(5, before(back[x + 1]), e1, e5);
    const Lane s6 = square(6, after(top_back[x]), e1, e3),
               s7 = square(7, after(front[x - 1]), e2, e4);
    const Lane s8 = square(8, after(top[x - 1]), e2, e3),
               s9 = square(9, after(front[x + 1]), e4, e5);
    const Lane s10 = square(10, after(top[x + 1]), e3, e5),
               s11 = square(11, after(top_front[x]), e3, e4);

    Lane cubes = 0;
    const auto cube = [&](int c, Lane corner, Lane a, Lane b, Lane d) {
      bits |= corner << (kCubeShift + c);
      cubes += corner & a & b & d;
    };
    cube(0, before(bottom_back[x - 1]), s0, s1, s4);
    cube(1, before(bottom_back[x + 1]), s0, s2, s5);
    cube(2, before(bottom_front[x - 1]), s1, s3, s7);
    cube(3, before(bottom_front[x + 1]), s2, s3, s9);
    cube(4, after(top_back[x - 1]), s4, s6, s8);
    cube(5, after(top_back[x + 1]), s5, s6, s10);
    cube(6, after(top_front[x - 1]), s7, s8, s11);
    cube(7, after(top_front[x + 1]), s9, s10, s11);

    const Lane edges = e0 + e1 + e2 + e3 + e4 + e5;
    const Lane odd = static_cast<Lane>(edges - squares + cubes != 1);
    const Lane sparse = static_cast<Lane>(2 * cubes + 10 < 3 * edges);
    voxels[x].key = key;
    voxels[x].bits = static_cast<std::uint32_t>(bits);
    candidates[x] = static_cast<std::uint8_t>(odd | sparse);
  }
}


template void compare_row<std::int32_t>(const std::int32_t* const[9], std::int64_t,
                                        Voxel<std::int32_t>*, std::uint8_t*);
template void compare_row<std::int64_t>(const std::int64_t* const[9], std::int64_t,
                                        Voxel<std::int64_t>*, std::uint8_t*);

}  // namespace topoeval::volume::TOPOEVAL_ISA
