// Stable sort of (key, index) records by key alone.
//
// Least significant digit first, 11 bits at a time, but only as many of the leading bits as it
// takes to tell most of so few records apart: two passes for some ten thousand.  What their other
// bits then have to say is little, and done by insertion.  Records enter in the order that settles
// ties, that is with ascending indices: they are carried along, not compared.
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

namespace detail {

constexpr int kDigit = 11, kBuckets = 1 << kDigit;

// By the bits of the key from `shift` on, so many digits.  Returns where the result lies.
template <class Record>
Record* sort_by_digits(Record* records, Record* scratch, std::size_t count, int shift, int digits) {
  constexpr int kMostDigits = (8 * sizeof(records->unsigned_key()) + kDigit - 1) / kDigit;
  std::uint32_t starts[kMostDigits][kBuckets];
  std::memset(starts, 0, static_cast<std::size_t>(digits) * sizeof starts[0]);
  for (std::size_t i = 0; i < count; ++i) {
    auto key = records[i].unsigned_key() >> shift;
    for (int digit = 0; digit < digits; ++digit, key >>= kDigit) {
      ++starts[digit][key & (kBuckets - 1)];
    }
  }
  for (int digit = 0; digit < digits; ++digit, shift += kDigit) {
    std::uint32_t* start = starts[digit];
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

// Returns false, with the records in some stable order, if that takes many moves.
template <class Record> bool sort_by_insertion(Record* records, std::size_t count) {
  std::size_t moves = 0;
  for (std::size_t i = 1; i < count; ++i) {
    const Record record = records[i];
    std::size_t to = i;
    for (; to > 0 && record.unsigned_key() < records[to - 1].unsigned_key(); --to) {
      records[to] = records[to - 1];
    }
    records[to] = record;
    moves += i - to;
    if (moves > count) return false;
  }
  return true;
}

// How many bits it takes to write a number.
inline int bit_length(std::uint64_t number) {
  int length = 0;
  for (; number != 0; number >>= 1) ++length;
  return length;
}

}  // namespace detail

// Sorts records[0 .. count) and returns where the result lies: in records or in scratch,
// which must have room for count as well.
template <class Record>
Record* radix_sort(Record* records, Record* scratch, std::size_t count) {
  using detail::kDigit;
  constexpr std::size_t kFewRecords = 400;  // below this, counting digits is the dearer part
  constexpr int kSpareBits = 7;             // beyond those that could number the records

  if (count < kFewRecords) {
    std::sort(records, records + count);
    return records;
  }
  decltype(records->unsigned_key()) differ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    differ |= records[i].unsigned_key() ^ records[0].unsigned_key();
  }
  const auto digits_of = [](int bits) { return (bits + kDigit - 1) / kDigit; };
  const int bits = detail::bit_length(differ), digits = digits_of(bits);
  const int enough = std::min(digits, digits_of(detail::bit_length(count) + kSpareBits));
  const int shift = std::max(0, bits - enough * kDigit);

  Record* sorted = detail::sort_by_digits(records, scratch, count, shift, enough);
  if (shift == 0 || detail::sort_by_insertion(sorted, count)) return sorted;
  // Keys that crowd together, say around a large offset: then all their digits count.
  Record* other = sorted == records ? scratch : records;
  return detail::sort_by_digits(sorted, other, count, 0, digits);
}

}  // namespace topoeval
