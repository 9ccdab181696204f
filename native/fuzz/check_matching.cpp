#include "check_matching.hpp"

#include <array>
#include <stdexcept>

#include "check.hpp"
#include "matching/matching.hpp"

namespace topoeval::fuzz {

namespace {

using matching::Comparison;
using matching::kUnmatched;
using matching::Match;
using matching::Matching;

// (dimension, P's bar, G's bar)
using Row = std::array<std::int32_t, 5>;
using Rows = std::vector<Row>;

Rows rows_of(const Matching& found, unsigned dims = 7) {
  Rows rows;
  for (int dim = 0; dim < 3; ++dim) {
    if ((dims >> dim & 1) == 0) continue;
    for (const Match& match : found.matches[dim]) {
      rows.push_back({dim, match.p_birth, match.p_death, match.g_birth, match.g_death});
    }
  }
  return rows;
}

Rows sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

Rows exchanged(Rows rows) {
  for (Row& row : rows) row = {row[0], row[3], row[4], row[1], row[2]};
  return rows;
}

bool matched(const Row& row) { return row[1] != kUnmatched && row[3] != kUnmatched; }

Rows matched(Rows rows) {
  rows.erase(std::remove_if(rows.begin(), rows.end(), [](const Row& row) { return !matched(row); }),
             rows.end());
  return rows;
}

// The bars of P (side 0) or of G (side 1).
Bars bars_of_side(const Rows& rows, std::size_t side) {
  Bars bars;
  for (const Row& row : rows) {
    if (row[1 + 2 * side] != kUnmatched) {
      bars.emplace_back(row[0], row[1 + 2 * side], row[2 + 2 * side]);
    }
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

// Values of a batch that float64 holds; 64-bit integers are compared only where they meet.
double number_at(const ArrayView& array, std::int32_t voxel) {
  return with_type(array.dtype, [&](auto sample) {
    return number_of(load<decltype(sample)>(array.at(voxel)));
  });
}

// Whether two bars have a value in common, read as half-open intervals.
bool overlap(const Row& row, const ArrayView& p, const ArrayView& g, bool superlevel) {
  const auto time = [&](const ArrayView& array, std::int32_t voxel) {
    return superlevel ? -number_at(array, voxel) : number_at(array, voxel);
  };
  const double birth = std::max(time(p, row[1]), time(g, row[3]));
  return (row[2] == kNever || birth < time(p, row[2])) &&
         (row[4] == kNever || birth < time(g, row[4]));
}

}  // namespace

void check_matching(const Batch& p, const Batch& g, const Settings& settings, bool intersection) {
  Request everything = settings.request;
  everything.dims = 7;
  const auto comparison = intersection ? Comparison::intersection : Comparison::union_;
  Interrupt interrupt;
  const auto match = [&](const Batch& a, const Batch& b, const Request& request, bool proper,
                         int threads) {
    return matching::betti_matching(a, b, request, comparison, proper, threads, interrupt);
  };
  std::vector<Matching> found;
  try {
    found = match(p, g, everything, false, 1);
  } catch (const std::invalid_argument&) {
    return;  // NaN, or dtypes without a common one; the tests name the messages
  }
  const auto threaded = match(p, g, everything, false, 1 + settings.threads);
  const auto some = match(p, g, settings.request, false, 1);
  const auto turned = match(g, p, everything, false, 1);
  const auto proper = match(p, g, everything, true, 1);
  const auto itself = match(p, p, everything, true, 1);
  const auto p_bars = persistence(p, everything, 0, 1, interrupt);
  const auto g_bars = persistence(g, everything, 0, 1, interrupt);

  const auto exact = [](const Batch& batch) {  // as numbers of float64
    return batch.first.dtype != Dtype::i64 && batch.first.dtype != Dtype::u64;
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Rows rows = rows_of(found[i]);
    require(bars_of_side(rows, 0) == bars_of(p_bars[i]), "every bar of P once");
    require(bars_of_side(rows, 1) == bars_of(g_bars[i]), "every bar of G once");
    require(rows == rows_of(threaded[i]), "threads change no match, nor the order");
    require(rows_of(found[i], settings.request.dims) == rows_of(some[i]), "dimensions of a matching");
    require(sorted(rows) == sorted(exchanged(rows_of(turned[i]))), "P and G are alike");

    const Rows overlapping = sorted(matched(rows_of(proper[i]))), any = sorted(matched(rows));
    require(std::includes(any.begin(), any.end(), overlapping.begin(), overlapping.end()),
            "a proper match is a match");
    for (const Row& row : overlapping) {
      if (!exact(p) || !exact(g)) break;
      require(overlap(row, p.item(static_cast<std::int64_t>(i)),
                      g.item(static_cast<std::int64_t>(i)), settings.request.superlevel),
              "proper matches overlap");
    }
    for (const Row& row : rows_of(itself[i])) {
      require(row[1] == row[3] && row[2] == row[4], "a map matches itself");
    }
  }
}

}  // namespace topoeval::fuzz
