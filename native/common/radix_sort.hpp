// Stable sort of (key, index) records by key alone.
//
// Least significant digit first, 11 bits at a time: three passes for 32-bit keys, six for
// 64-bit ones, and a pass whose digit is the same everywhere is skipped.  Records enter in
// the order that settles ties, that is with ascending indices: they are carried along, not compared.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace topoeval {

// A key and the number of the thing it belongs to.  unsigned_key() flips the sign bit so
// that negative keys sort first as unsigned numbers.
struct Keyed32 {
  std::uint64_t word;  // unsigned key << 32 | index

  static Keyed32 make(std::int32_t key, std::uint32_t index) {
    return {static_cast<std::uint64_t>(static_cast<std::uint32_t>(key) ^ 0x80000000u) << 32 | index};
  }
  std::uint32_t unsigned_key() const { return static_cast<std::uint32_t>(word >> 32); }
  std::int32_t key() const { return static_cast<std::int32_t>(unsigned_key() ^ 0x80000000u); }
  std::uint32_t index() const { return static_cast<std::uint32_t>(word); }
  bool operator<(const Keyed32& other) const { return word < other.word; }
};

struct Keyed64 {
  std::uint64_t biased;
  std::uint32_t number;

  static Keyed64 make(std::int64_t key, std::uint32_t index) {
    return {static_cast<std::uint64_t>(key) ^ 0x8000000000000000u, index};
  }
  std::uint64_t unsigned_key() const { return biased; }
  std::int64_t key() const { return static_cast<std::int64_t>(biased ^ 0x8000000000000000u); }
  std::uint32_t index() const { return number; }
  bool operator<(const Keyed64& other) const {
    return biased != other.biased ? biased < other.biased : number < other.number;
  }
};

template <class Key>
using Keyed = std::conditional_t<sizeof(Key) == 4, Keyed32, Keyed64>;

// Sorts records[0 .. count) and returns where the result lies: in records or in scratch,
// which must have room for count as well.
template <class Record>
Record* radix_sort(Record* records, Record* scratch, std::size_t count) {
  constexpr int kDigit = 11, kBuckets = 1 << kDigit;
  constexpr int kPasses = (8 * sizeof(records->unsigned_key()) + kDigit - 1) / kDigit;
  constexpr std::size_t kFewRecords = 400;  // below this, counting digits is the dearer part

  if (count < kFewRecords) {
    std::sort(records, records + count);
    return records;
  }

  std::uint32_t starts[kPasses][kBuckets] = {};
  for (std::size_t i = 0; i < count; ++i) {
    auto key = records[i].unsigned_key();
    for (int pass = 0; pass < kPasses; ++pass, key >>= kDigit) ++starts[pass][key & (kBuckets - 1)];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    const int shift = pass * kDigit;
    std::uint32_t* start = starts[pass];
    if (start[records[0].unsigned_key() >> shift & (kBuckets - 1)] == count) continue;
    std::uint32_t sum = 0;
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      const std::uint32_t here = start[bucket];
      start[bucket] = sum;
      sum += here;
    }
    for (std::size_t i = 0; i < count; ++i) {
      scratch[start[records[i].unsigned_key() >> shift & (kBuckets - 1)]++] = records[i];
    }
    std::swap(records, scratch);
  }
  return records;
}

}  // namespace topoeval
