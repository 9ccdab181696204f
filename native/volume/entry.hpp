// An element of a chain: some cells of one star, with the place of the star in the filtration.
//
// Chains are handled owner by owner (an owner is the voxel whose lower star the cells lie in), so
// an entry is a key, a place, and in its low bits the payload: which cells.  Comparing
// entries as integers compares owners first.  Packed entries are 64 bits; they have
// room for 32-bit keys and for places of some 26 bits.  Wide entries hold anything.
//
// Entries sort ascending; after_all() comes after any voxel, as the limits of the keys are free.
// Who needs the largest owner first complements key and place.
#pragma once

#include <cstdint>

#include "bits.hpp"
#include "grid.hpp"

namespace topoeval::volume {

// Payload: a mask of Bits cells, or with Bits = 4 the number of a single square.
template <int Bits> struct PackedEntry {
  static constexpr int kPayloadBits = Bits;
  static constexpr int kBuckets = 64 - Bits + 1;
  static constexpr std::uint64_t kMaxPlaces = std::uint64_t{1} << (32 - Bits);
  static constexpr bool kNumbersCells = Bits == 4;

  std::uint64_t word;

  static PackedEntry make(std::int32_t key, Place place, std::uint32_t payload) {
    return {std::uint64_t{static_cast<std::uint32_t>(key) ^ 0x80000000u} << 32 |
            static_cast<Place>(place << Bits) | payload};
  }
  static PackedEntry after_all() { return {~std::uint64_t{0}}; }
  Place place() const { return static_cast<Place>(word) >> Bits; }
  std::uint32_t payload() const { return static_cast<std::uint32_t>(word) & ((1u << Bits) - 1); }
  PackedEntry with_payload(std::uint32_t payload) const {
    return {(word & ~std::uint64_t{(1u << Bits) - 1}) | payload};
  }

  bool same_owner(const PackedEntry& other) const { return (word ^ other.word) >> Bits == 0; }
  bool operator<(const PackedEntry& other) const { return word < other.word; }

  // How far the owners of two entries are apart: 0 if the same, else the highest bit in which
  // they differ, counted from 1.
  int distance(const PackedEntry& other) const {
    const std::uint64_t differ = (word ^ other.word) >> Bits << 1;
    return highest_bit(differ | 1);
  }
  // Complemented places lose the bits above the field.
  static Place complement(Place place) { return ~place & static_cast<Place>(kMaxPlaces - 1); }
};

struct WideEntry {
  static constexpr int kPayloadBits = 12;
  static constexpr int kBuckets = 64 + 32 + 1;
  static constexpr std::uint64_t kMaxPlaces = std::uint64_t{1} << 32;
  static constexpr bool kNumbersCells = false;

  std::uint64_t high, low;

  static WideEntry make(std::int64_t key, Place place, std::uint32_t payload) {
    return {static_cast<std::uint64_t>(key) ^ 0x8000000000000000u,
            std::uint64_t{place} << kPayloadBits | payload};
  }
  static WideEntry after_all() { return {~std::uint64_t{0}, ~std::uint64_t{0}}; }
  Place place() const { return static_cast<Place>(low >> kPayloadBits); }
  std::uint32_t payload() const {
    return static_cast<std::uint32_t>(low) & ((1u << kPayloadBits) - 1);
  }
  WideEntry with_payload(std::uint32_t payload) const {
    return {high, low >> kPayloadBits << kPayloadBits | payload};
  }

  bool same_owner(const WideEntry& other) const {
    return high == other.high && (low ^ other.low) >> kPayloadBits == 0;
  }
  bool operator<(const WideEntry& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
  int distance(const WideEntry& other) const {
    if (high != other.high) return 33 + highest_bit(high ^ other.high);
    return highest_bit((low ^ other.low) >> kPayloadBits << 1 | 1);
  }
  static Place complement(Place place) { return ~place; }
};

}  // namespace topoeval::volume
