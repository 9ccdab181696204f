// Source of the kernels; included once per instruction set, with TOPOEVAL_ISA the
// namespace to fill.
//
// Nothing but this file's own static functions may be instantiated here: an inline
// function shared with other files could be merged by the linker into a version that
// needs AVX.
#include "kernels.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define TOPOEVAL_HAVE_MOVEMASK 1
#endif

namespace topoeval::image::TOPOEVAL_ISA {
namespace {

// The ring of neighbours is numbered N NE E SE S SW W NW, bits 0 to 7.
template <class Key>
void compare(const Key* __restrict here, const Key* __restrict below,
             std::uint8_t* __restrict half, std::int64_t count) {
  for (std::int64_t x = 0; x < count; ++x) {
    // These neighbours come later in memory, so a tie means they are higher.
    const Key value = here[x];
    half[x] = static_cast<std::uint8_t>((here[x + 1] < value ? 0x04 : 0) |
                                        (below[x + 1] < value ? 0x08 : 0) |
                                        (below[x] < value ? 0x10 : 0) |
                                        (below[x - 1] < value ? 0x20 : 0));
  }
}

// 64 bytes, each 0 or 0xFF, to 64 bits.
std::uint64_t pack(const std::uint8_t* bytes) {
  std::uint64_t bits = 0;
#ifdef TOPOEVAL_HAVE_MOVEMASK
  for (int i = 0; i < 4; ++i) {
    const __m128i lane = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i));
    bits |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(lane)))
            << 16 * i;
  }
#else
  for (int i = 0; i < 8; ++i) {
    // The product gathers the top bits of eight bytes in its uppermost byte.  Built byte by
    // byte, so that the order of bytes in memory does not matter.
    std::uint64_t word = 0;
    for (int j = 0; j < 8; ++j) word |= static_cast<std::uint64_t>(bytes[8 * i + j] & 1) << 8 * j;
    bits |= (word * 0x0102040810204080u >> 56) << 8 * i;
  }
#endif
  return bits;
}

void classify(const std::uint8_t* half, const std::uint8_t* above, std::uint8_t* mask,
              RowFlags* flags, std::int64_t count) {
  for (std::int64_t begin = 0; begin < count; begin += 64) {
    std::uint8_t minimum[64], maximum[64], saddle[64];
    const std::uint8_t* __restrict h = half + begin;
    const std::uint8_t* __restrict a = above + begin;
    std::uint8_t* __restrict out = mask + begin;
    for (int i = 0; i < 64; ++i) {
      const std::uint8_t opposite = static_cast<std::uint8_t>(
          ((a[i] >> 4) & 0x01) | ((a[i + 1] >> 4) & 0x02) | ((h[i - 1] << 4) & 0x40) |
          ((a[i - 1] << 4) & 0x80));
      const std::uint8_t m = static_cast<std::uint8_t>(h[i] | (opposite ^ 0xC3));
      // One bit for each piece of the lower ring: two 4-neighbours hang together if the
      // diagonal between them is lower as well, and the first of the two is dropped.
      const std::uint8_t next = static_cast<std::uint8_t>((m >> 1) | (m << 7));
      const std::uint8_t after = static_cast<std::uint8_t>((m >> 2) | (m << 6));
      const std::uint8_t pieces = static_cast<std::uint8_t>(m & 0x55 & ~(next & after));
      out[i] = m;
      minimum[i] = (m & 0x55) == 0 ? 0xFF : 0;
      maximum[i] = m == 0xFF ? 0xFF : 0;
      // in bytes, or the compiler widens all lanes to ints
      const std::uint8_t but_first = static_cast<std::uint8_t>(pieces - 1) & pieces;
      saddle[i] = but_first != 0 ? 0xFF : 0;
    }
    flags[begin / 64] = {pack(minimum), pack(maximum), pack(saddle)};
  }
}

int count_bits(std::uint64_t bits) {
#if defined(__POPCNT__) || defined(__aarch64__)
  return __builtin_popcountll(bits);
#else
  bits -= bits >> 1 & 0x5555555555555555u;
  bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
  bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
  return static_cast<int>(bits * 0x0101010101010101u >> 56);
#endif
}

void number(const Rank* ranks, const std::uint32_t* at, std::int32_t* nodes, int count) {
  for (int i = 0; i < count; ++i) {
    const Rank rank = ranks[at[i] >> 6];
    const std::uint64_t bits = rank.bits << (63 - (at[i] & 63));  // up to this pixel's bit
    const auto found = static_cast<std::int32_t>(rank.first) + count_bits(bits) - 1;
    nodes[i] = found & -static_cast<std::int32_t>(bits >> 63);
  }
}

}  // namespace

template <class Key> const Kernels<Key>& kernels() {
  static const Kernels<Key> table = {&compare<Key>, &classify, &number};
  return table;
}
template const Kernels<std::int32_t>& kernels<std::int32_t>();
template const Kernels<std::int64_t>& kernels<std::int64_t>();

}  // namespace topoeval::image::TOPOEVAL_ISA
