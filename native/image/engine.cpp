#include "engine.hpp"

#include <algorithm>
#include <cstring>

namespace topoeval::image {

namespace {

constexpr std::int64_t kPollEvery = 1 << 16;  // pixels or edges

// Around a row of keys, so that the neighbours of its first and last pixel can be read.
constexpr std::int64_t kMargin = 64;

}  // namespace

template <class Key>
void Engine<Key>::scan(const Field<Key>& core, bool outside_is_lower, Interrupt& interrupt) {
  const std::int64_t height = core.height(), width = core.width();
  const std::int64_t words = (width + 63) / 64, padded = words * 64;
  const Key outside = outside_is_lower ? kBelowAll<Key> : kAboveAll<Key>;
  const Mask outside_mask = outside_is_lower ? 0x00 : 0xFF;
  const Kernels<Key>& kernels = fastest_kernels<Key>();

  masks_.reset(height, width, outside_mask);
  minima_.reset(masks_, 0);
  maxima_.reset(masks_, -1);
  saddles_.reset();

  const std::int64_t pitch = padded + 2 * kMargin;
  keys_.reserve(static_cast<std::size_t>(2 * pitch));
  std::fill_n(keys_.data(), 2 * pitch, outside);
  Key* here = keys_.data() + kMargin;
  Key* below = here + pitch;
  half_.reserve(static_cast<std::size_t>(padded + 2 * kMargin));
  Mask* half = half_.data() + kMargin;
  half[-1] = outside_mask;
  RowFlags* flags = flags_.reserve(static_cast<std::size_t>(words));
  const std::uint64_t last = ~std::uint64_t{0} >> (padded - width);

  core.load_row(0, 0, here);
  for (std::int64_t y = 0; y < height; ++y) {
    if ((y * width & ~(kPollEvery - 1)) != ((y + 1) * width & ~(kPollEvery - 1))) interrupt.poll();
    if (y + 1 < height) {
      core.load_row(0, y + 1, below);
    } else {
      std::fill_n(below, width, outside);
    }
    Mask* row = masks_.row(y);
    kernels.compare(here, below, half, padded);
    kernels.classify(half, row - masks_.stride(), row, flags, padded);
    masks_.close_row(y);
    flags[words - 1].minimum &= last;
    flags[words - 1].maximum &= last;
    flags[words - 1].saddle &= last;

    minima_.make_room(padded);
    maxima_.make_room(padded);
    saddles_.make_room(padded);
    const Position begin = masks_.position(y);
    for (std::int64_t word = 0; word < words; ++word) {
      const std::int64_t x = word * 64;
      const Position at = begin + static_cast<Position>(x);
      const auto pixel = static_cast<std::int32_t>(y * width + x);
      minima_.append(at, flags[word].minimum, here + x, pixel);
      maxima_.append(at, flags[word].maximum, here + x, pixel);
      saddles_.append(at, flags[word].saddle, here + x, row + x);
    }
    for (std::int64_t x = padded; x < masks_.stride(); x += 64) {
      minima_.append(begin + static_cast<Position>(x), 0, nullptr, 0);
      maxima_.append(begin + static_cast<Position>(x), 0, nullptr, 0);
    }
    std::swap(here, below);
  }
}

// Finds the ends of the edges that may still join something.
template <class Key> void Engine<Key>::trace(Sense sense, Interrupt& interrupt) {
  constexpr int kBlock = Tracer<Key>::kMostPaths / 2;
  Position at[2 * kBlock];
  std::int32_t nodes[2 * kBlock];
  Edge* block[kBlock];

  const Route& route = masks_.route(sense);
  tracer_.reset(masks_, sense == Sense::down ? minima_ : maxima_, sense);
  std::int64_t next_poll = kPollEvery;
  for (std::int64_t i = 0; i < saddles_.count();) {
    if (i >= next_poll) {
      interrupt.poll();
      next_poll += kPollEvery;
    }
    int size = 0;
    for (; i < saddles_.count() && size < kBlock; ++i) {
      Edge& edge = saddles_[i];
      const std::int32_t* ends = route.ends[edge.mask];
      at[2 * size] = edge.saddle + ends[0];
      at[2 * size + 1] = edge.saddle + ends[edge.piece];
      block[size] = &edge;
      size += edge.piece != 0;
    }
    tracer_.follow(at, 2 * size, nodes, interrupt);
    for (int k = 0; k < size; ++k) std::memcpy(block[k]->ends, nodes + 2 * k, sizeof Edge::ends);
  }
  tracer_.clear();
}

// Joins classes along the edges, in ascending or descending order, and tells visit what died.
//
// A search for a root waits for the memory at every step, and what follows the join waits for the
// search.  So edges are taken in blocks: everything a block will touch is requested first, then its
// searches are made side by side, and what they have found is at most a few joins out of date.
template <class Key>
template <bool Descending, class Visit>
void Engine<Key>::merge(const Keyed<Key>* order, std::int64_t count, UnionFind<Key>& classes,
                        Interrupt& interrupt, Visit visit) {
  constexpr int kBlock = Joins::kMost;
  constexpr std::int32_t flip = Descending ? -1 : 0;
  Joins joins;
  std::int32_t a[kBlock], b[kBlock];

  // Where the classes do not fit in the cache, two more steps towards the roots are requested.
  const int requests = count > (1 << 17) ? 2 : 0;

  const auto edge_at = [&](std::int64_t i) { return order[Descending ? count - 1 - i : i]; };
  const auto request = [&](std::int64_t begin) {
    const std::int64_t end = std::min(begin + kBlock, count);
    for (std::int64_t i = begin; i < end; ++i) saddles_.prefetch_edge(edge_at(i).index());
  };
  request(0);
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    if (begin % kPollEvery == 0) interrupt.poll();
    const int size = static_cast<int>(std::min<std::int64_t>(kBlock, count - begin));
    for (int k = 0; k < size; ++k) {
      joins.at[k] = edge_at(begin + k);
      const Edge& edge = saddles_[joins.at[k].index()];
      classes.prefetch_parent(a[k] = edge.ends[0]);
      classes.prefetch_parent(b[k] = edge.ends[1]);
    }
    for (int step = 0; step < requests; ++step) {
      for (int k = 0; k < size; ++k) {
        classes.prefetch_parent(a[k] = classes.parent(a[k]));
        classes.prefetch_parent(b[k] = classes.parent(b[k]));
      }
    }
    request(begin + kBlock);
    for (int k = 0; k < size; ++k) {
      a[k] = classes.climb(a[k]);
      b[k] = classes.climb(b[k]);
    }
    for (int k = 0; k < size; ++k) joins.died[k] = classes.join(a[k], b[k], flip);
    joins.size = size;
    visit(joins);
  }
}

// Whether a join makes a pair cannot be predicted, so one is written in any case.
template <class Key>
void Engine<Key>::write(const Joins& joins, const Extrema<Key>& extrema, PairWriter<Key>& out) {
  typename PairWriter<Key>::Waiting* pairs = out.room(joins.size);
  int kept = 0;
  for (int k = 0; k < joins.size; ++k) {
    const Death died = joins.died[k];
    pairs[kept] = {std::max(died.node, kOutside), saddles_[joins.at[k].index()].saddle};
    kept += (died.node >= 0) & (extrema.key(died.key) != joins.at[k].key());
  }
  out.keep(kept);
}

// H0 of the core.
template <class Key>
void Engine<Key>::merge_up(Interrupt& interrupt, bool keep_positive, PairWriter<Key>& out) {
  const std::int64_t count = saddles_.count();
  const Keyed<Key>* order = saddles_.sort();
  Keyed<Key>* positive = positive_.reserve(static_cast<std::size_t>(keep_positive ? count : 0));
  positives_ = 0;
  const auto visit = [&](const Joins& joins) {
    write(joins, minima_, out);
    if (!keep_positive) return;
    std::int64_t positives = positives_;
    for (int k = 0; k < joins.size; ++k) {
      // With three pieces or more, which edges are left over depends on the choice of edges:
      // all are offered to the maxima, and just as many succeed there.
      Edge& edge = saddles_[joins.at[k].index()];
      const bool offer = (joins.died[k].node < 0) | edge.one_of_many;
      positive[positives] = joins.at[k];
      positives += offer;
      edge.piece &= static_cast<std::uint8_t>(-static_cast<int>(offer));  // not a branch
    }
    positives_ = positives;
  };
  merge<false>(order, count, minima_.classes, interrupt, visit);
}

// H1 of the core.
template <class Key> void Engine<Key>::merge_down(Interrupt& interrupt, PairWriter<Key>& out) {
  merge<true>(positive_.data(), positives_, maxima_.classes, interrupt,
              [&](const Joins& joins) { write(joins, maxima_, out); });
}

template <class Key>
void Engine<Key>::run(const Field<Key>& field, const Request& request, int /*threads*/,
                      Interrupt& interrupt, Diagram& out) {
  out.clear();
  const bool dual = request.construction == Construction::top_cells;
  const bool want_minima = request.wants(dual ? 1 : 0), want_maxima = request.wants(dual ? 0 : 1);
  if (field.size() == 0 || !(want_minima || want_maxima)) return;
  scan(dual ? field.reversed() : field, dual, interrupt);

  // The class that never dies comes first: the oldest of the tree without the outside.
  const bool essential = request.wants(0);
  if (essential) out.pairs[0].push_back({0, kNever});

  if (want_minima) {
    trace(Sense::down, interrupt);
    PairWriter<Key> writer(masks_, minima_, Sense::down, dual, out.pairs[dual ? 1 : 0]);
    merge_up(interrupt, want_maxima, writer);
    writer.flush();
  } else {
    // Every edge is offered to the maxima: those that would have merged minima close no loop.
    positives_ = saddles_.count();
    const Keyed<Key>* order = saddles_.sort();
    std::copy_n(order, positives_, positive_.reserve(static_cast<std::size_t>(positives_)));
  }
  if (want_maxima) {
    trace(Sense::up, interrupt);
    PairWriter<Key> writer(masks_, maxima_, Sense::up, dual, out.pairs[dual ? 0 : 1]);
    merge_down(interrupt, writer);
    writer.flush();
  }

  if (essential) {
    Extrema<Key>& tree = dual ? maxima_ : minima_;
    const std::int32_t oldest = tree.pixel(tree.classes.find(1).node());
    out.pairs[0].front().birth = dual ? masks_.last_pixel() - oldest : oldest;
  }
}

template class Engine<std::int32_t>;
template class Engine<std::int64_t>;

}  // namespace topoeval::image
