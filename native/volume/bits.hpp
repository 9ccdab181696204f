// Counting and finding bits, in C++17 and without asking for special instructions.
#pragma once

#include <cstdint>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace topoeval::volume {

// Of a nonzero word.
inline int lowest_bit(std::uint64_t word) {
#if defined(_MSC_VER) && !defined(__clang__)
  unsigned long at;
  if (_BitScanForward(&at, static_cast<unsigned long>(word))) return static_cast<int>(at);
  _BitScanForward(&at, static_cast<unsigned long>(word >> 32));
  return static_cast<int>(at) + 32;
#else
  return __builtin_ctzll(word);
#endif
}

// Of a nonzero word.
inline int highest_bit(std::uint64_t word) {
#if defined(_MSC_VER) && !defined(__clang__)
  unsigned long at;
  if (_BitScanReverse(&at, static_cast<unsigned long>(word >> 32)))
    return static_cast<int>(at) + 32;
  _BitScanReverse(&at, static_cast<unsigned long>(word));
  return static_cast<int>(at);
#else
  return 63 ^ __builtin_clzll(word);
#endif
}

// In plain arithmetic: on baseline x86-64 the compiler's builtin is a call into a library.
inline int count_bits(std::uint64_t word) {
#if defined(__POPCNT__) || defined(__aarch64__)
  return __builtin_popcountll(word);
#else
  word -= word >> 1 & 0x5555555555555555u;
  word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
  word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
  return static_cast<int>(word * 0x0101010101010101u >> 56);
#endif
}

// Calls visit(i) for each set bit i, lowest first.
template <class Visit> inline void for_each_bit(std::uint64_t word, Visit visit) {
  for (; word != 0; word &= word - 1) visit(lowest_bit(word));
}

}  // namespace topoeval::volume
