// Rows of bytes as rows of bits and back: 64 to a word, the first one lowest.
#pragma once

#include <cstdint>

namespace topoeval {

namespace detail {

// Eight bytes as eight bits: is it not 0?
template <int Step> std::uint64_t pack_eight(const char* in) {
  std::uint64_t bytes = 0;
  for (int i = 0; i < 8; ++i) {
    bytes |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[Step * i])) << (8 * i);
  }
  constexpr std::uint64_t kLow = 0x7F7F7F7F7F7F7F7Fu;
  const std::uint64_t ones = ((((bytes & kLow) + kLow) | bytes) >> 7) & 0x0101010101010101u;
  return ones * 0x0102040810204080u >> 56;
}

template <int Step>
std::int64_t pack_eights(const char* in, std::int64_t count, std::uint64_t* out) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) out[i >> 6] |= pack_eight<Step>(in + Step * i) << (i & 63);
  return i;
}

}  // namespace detail

constexpr std::int64_t words_for(std::int64_t bits) { return (bits + 63) / 64; }

// Writes words_for(count) words.
inline void pack_bits(const char* in, std::int64_t stride, std::int64_t count,
                      std::uint64_t* out) {
  for (std::int64_t k = 0; k < words_for(count); ++k) out[k] = 0;
  std::int64_t i = 0;
  if (stride == 1) i = detail::pack_eights<1>(in, count, out);
  if (stride == -1) i = detail::pack_eights<-1>(in, count, out);
  for (; i < count; ++i) out[i >> 6] |= std::uint64_t{in[i * stride] != 0} << (i & 63);
}

// The lowest eight bits as bytes of a word, each 0 or 1, the first one lowest.
inline std::uint64_t unpack_eight(std::uint64_t bits) {
  // Byte k of the product keeps bit k alone; the sum carries it to the top of the byte.
  const std::uint64_t apart = (bits & 0xFF) * 0x0101010101010101u & 0x8040201008040201u;
  return (apart + 0x00406070787C7E7Fu) >> 7 & 0x0101010101010101u;
}

// Writes count bytes, each 0 or 1.
inline void unpack_bits(const std::uint64_t* in, std::int64_t count, std::uint8_t* out) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const std::uint64_t bytes = unpack_eight(in[i >> 6] >> (i & 63));
    for (int k = 0; k < 8; ++k) out[i + k] = static_cast<std::uint8_t>(bytes >> (8 * k));
  }
  for (; i < count; ++i) out[i] = static_cast<std::uint8_t>(in[i >> 6] >> (i & 63) & 1);
}

// Moves a row of bits one place on, within words_for(count + 2) words; the margins become 0.
inline void move_bits_up(std::uint64_t* row, std::int64_t count) {
  std::uint64_t carry = 0;
  for (std::int64_t k = 0; k < words_for(count + 2); ++k) {
    const std::uint64_t moved = row[k] << 1 | carry;
    carry = row[k] >> 63;
    row[k] = moved;
  }
}

}  // namespace topoeval
