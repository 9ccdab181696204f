// Stable sort of (key, index) records by key alone.
//
// Least significant digit first, at most 11 bits at a time: three passes at most for 32-bit keys,
// six for 64-bit ones, and a pass whose digit is the same everywhere is skipped.  Records enter in
// the order that settles ties, that is with ascending indices.
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

constexpr int kMostDigit = 11;  // bits: the counters of three digits fit in the first cache

// Sorts by the bits from `low` on, in so many digits.
template <int Passes, class Record>
Record* sort_digits(Record* records, Record* scratch, std::size_t count, int low, int digit) {
  const std::uint32_t buckets = 1u << digit;
  std::uint32_t starts[Passes][1 << kMostDigit];
  for (auto& start : starts) std::fill_n(start, buckets, 0);
  for (std::size_t i = 0; i < count; ++i) {
    auto key = records[i].unsigned_key() >> low;
    for (int pass = 0; pass < Passes; ++pass, key >>= digit) ++starts[pass][key & (buckets - 1)];
  }
  for (int pass = 0; pass < Passes; ++pass) {
    const int shift = low + pass * digit;
    std::uint32_t* start = starts[pass];
    if (start[records[0].unsigned_key() >> shift & (buckets - 1)] == count) continue;
    std::uint32_t sum = 0;
    for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
      const std::uint32_t here = start[bucket];
      start[bucket] = sum;
      sum += here;
    }
    for (std::size_t i = 0; i < count; ++i) {
      scratch[start[records[i].unsigned_key() >> shift & (buckets - 1)]++] = records[i];
    }
    std::swap(records, scratch);
  }
  return records;
}

// Sorts records that are nearly in order.  Returns false, with the records in an order as good as
// the one they came in, where they are not: a digit is sorted faster than many are moved.
template <class Record> bool insertion_sort(Record* records, std::size_t count) {
  std::size_t moves = 0;
  for (std::size_t i = 1; i < count; ++i) {
    if (!(records[i] < records[i - 1])) continue;
    const Record late = records[i];
    std::size_t to = i;
    for (; to > 0 && late < records[to - 1]; --to) records[to] = records[to - 1];
    records[to] = late;
    moves += i - to;
    if (moves > count / 8) return false;
  }
  return true;
}

}  // namespace detail

// Sorts records[0 .. count) and returns where the result lies: in records or in scratch,
// which must have room for count as well.
template <class Record>
Record* radix_sort(Record* records, Record* scratch, std::size_t count) {
  using Word = decltype(records->unsigned_key());
  constexpr std::size_t kFewRecords = 400;  // below this, counting digits is the dearer part
  if (count < kFewRecords) {
    std::sort(records, records + count);
    return records;
  }

  // Only the stretch of bits that differ somewhere is sorted: those of floats between 0 and 1
  // are 26 or so, and short digits have few counters to clear and to sum.
  const Word first = records[0].unsigned_key();
  Word varying = 0;
  for (std::size_t i = 1; i < count; ++i) varying |= records[i].unsigned_key() ^ first;
  if (varying == 0) return records;
  int low = 0, high = static_cast<int>(8 * sizeof(Word));
  while ((varying >> low & 1) == 0) ++low;
  while ((varying >> (high - 1) & 1) == 0) --high;

  // Two digits do for floats of a few binades, if they are not too many: hardly any differ only in
  // the bits below.
  constexpr int kTwoDigits = 2 * detail::kMostDigit, kBitsBelow = 6;
  constexpr std::size_t kNotTooMany = std::size_t{1} << 17;
  const int below = high - low - kTwoDigits;
  if (0 < below && below <= kBitsBelow && count < kNotTooMany) {
    Record* sorted = detail::sort_digits<2>(records, scratch, count, low + below, detail::kMostDigit);
    if (detail::insertion_sort(sorted, count)) return sorted;
    if (sorted == scratch) std::swap(records, scratch);
  }

  const int passes = (high - low + detail::kMostDigit - 1) / detail::kMostDigit;
  const int digit = (high - low + passes - 1) / passes;
  switch (passes) {
    case 1: return detail::sort_digits<1>(records, scratch, count, low, digit);
    case 2: return detail::sort_digits<2>(records, scratch, count, low, digit);
    case 3: return detail::sort_digits<3>(records, scratch, count, low, digit);
    default: break;
  }
  constexpr int kMost = (8 * sizeof(Word) + detail::kMostDigit - 1) / detail::kMostDigit;
  return detail::sort_digits<kMost>(records, scratch, count, low, (high - low + kMost - 1) / kMost);
}

}  // namespace topoeval
