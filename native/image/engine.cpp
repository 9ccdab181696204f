#include "engine.hpp"

#include <algorithm>

namespace topoeval::image {

namespace {

constexpr std::int64_t kPollEvery = 1 << 16;  // edges

// How far ahead of the merge its random reads are announced: the edge first, then, when it
// has arrived, the nodes it names.
constexpr std::int64_t kEdgeAhead = 32, kNodeAhead = 16;

// Three rows of keys with a margin on both sides, so that neighbours of the first and last
// pixel can be read, and whole stretches of 64 at the end.
constexpr std::int64_t kMargin = 64;

}  // namespace

template <class Key>
void Engine<Key>::scan(const Field<Key>& core, bool outside_is_lower, Interrupt& interrupt) {
  const std::int64_t height = core.height(), width = core.width();
  const std::int64_t words = (width + 63) / 64, padded = words * 64;
  const Key outside = outside_is_lower ? kBelowAll<Key> : kAboveAll<Key>;
  const Mask outside_mask = outside_is_lower ? 0x00 : 0xFF;
  const RowKernels<Key>& kernels = row_kernels<Key>();

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

template <class Key> void Engine<Key>::trace_down(Interrupt& interrupt) {
  tracer_.reset(masks_, minima_, Sense::down);
  for (std::int64_t i = 0; i < saddles_.count(); ++i) {
    if (i % kPollEvery == 0) interrupt.poll();
    Edge& edge = saddles_[i];
    const Link& link = links()[edge.mask];
    edge.a = tracer_.follow(edge.saddle + masks_.offset(link.lower[0]), interrupt);
    edge.b = tracer_.follow(edge.saddle + masks_.offset(link.lower[edge.piece]), interrupt);
  }
  tracer_.clear();
}

template <class Key> void Engine<Key>::trace_up(Interrupt& interrupt) {
  tracer_.reset(masks_, maxima_, Sense::up);
  for (std::int64_t i = 0; i < saddles_.count(); ++i) {
    if (i % kPollEvery == 0) interrupt.poll();
    Edge& edge = saddles_[i];
    if (edge.piece == 0) continue;
    const Link& link = links()[edge.mask];
    edge.a = tracer_.follow(edge.saddle + masks_.offset(link.upper[0]), interrupt);
    edge.b = tracer_.follow(edge.saddle + masks_.offset(link.upper[edge.piece]), interrupt);
  }
  tracer_.clear();
}

template <class Key>
template <class Emit>
void Engine<Key>::merge_up(Interrupt& interrupt, bool keep_positive, Emit emit) {
  const std::int64_t count = saddles_.count();
  const Keyed<Key>* order = saddles_.sort();
  UnionFind<Key>& classes = minima_.classes;
  if (keep_positive) positive_.reserve(static_cast<std::size_t>(count));
  positives_ = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % kPollEvery == 0) interrupt.poll();
    if (i + kEdgeAhead < count) saddles_.prefetch_edge(order[i + kEdgeAhead].index());
    if (i + kNodeAhead < count) {
      const Edge& soon = saddles_[order[i + kNodeAhead].index()];
      classes.prefetch_node(soon.a);
      classes.prefetch_node(soon.b);
    }
    Edge& edge = saddles_[order[i].index()];
    const std::int32_t died = classes.join(edge.a, edge.b);
    if (died >= 0 && minima_.key(died) != order[i].key()) {
      emit(minima_.pixel(died), masks_.pixel(edge.saddle));
    }
    if (keep_positive) {
      // Of three pieces or more, which edges are left over depends on the choice of edges:
      // all are offered below, and just as many succeed there.
      const bool offer = died < 0 || links()[edge.mask].pieces > 2;
      positive_[positives_] = order[i];
      positives_ += offer;
      edge.piece = offer ? edge.piece : 0;
    }
  }
}

template <class Key>
template <class Emit>
void Engine<Key>::merge_down(Interrupt& interrupt, Emit emit) {
  const Keyed<Key>* order = positive_.data();
  UnionFind<Key>& classes = maxima_.classes;
  for (std::int64_t i = positives_ - 1; i >= 0; --i) {
    if (i % kPollEvery == 0) interrupt.poll();
    if (i >= kEdgeAhead) saddles_.prefetch_edge(order[i - kEdgeAhead].index());
    if (i >= kNodeAhead) {
      const Edge& soon = saddles_[order[i - kNodeAhead].index()];
      classes.prefetch_node(soon.a);
      classes.prefetch_node(soon.b);
    }
    const Edge& edge = saddles_[order[i].index()];
    const std::int32_t died = classes.join(edge.a, edge.b);
    if (died >= 0 && maxima_.key(died) != order[i].key()) {
      emit(masks_.pixel(edge.saddle), maxima_.pixel(died));
    }
  }
}

template <class Key>
void Engine<Key>::run(const Field<Key>& field, const Request& request, int /*threads*/,
                      Interrupt& interrupt, Diagram& out) {
  out.clear();
  const bool dual = request.construction == Construction::top_cells;
  const bool want_minima = request.wants(dual ? 1 : 0), want_maxima = request.wants(dual ? 0 : 1);
  if (field.size() == 0 || !(want_minima || want_maxima)) return;
  scan(dual ? field.reversed() : field, dual, interrupt);

  // Core pairs, as pairs of the construction that was asked for.
  const auto last = static_cast<std::int32_t>(field.size() - 1);
  const auto emit_to = [dual, last](std::vector<Pair>& pairs) {
    return [dual, last, &pairs](std::int32_t birth, std::int32_t death) {
      pairs.push_back(dual ? Pair{last - death, last - birth} : Pair{birth, death});
    };
  };

  // The class that never dies comes first: the oldest of the tree without the outside.
  const bool essential = request.wants(0);
  if (essential) out.pairs[0].push_back({0, kNever});

  if (want_minima) {
    trace_down(interrupt);
    merge_up(interrupt, want_maxima, emit_to(out.pairs[dual ? 1 : 0]));
  } else {
    // Every edge is offered to the maxima: those that merge nothing cost little.
    positives_ = saddles_.count();
    const Keyed<Key>* order = saddles_.sort();
    positive_.reserve(static_cast<std::size_t>(positives_));
    std::copy_n(order, positives_, positive_.data());
  }
  if (want_maxima) {
    trace_up(interrupt);
    merge_down(interrupt, emit_to(out.pairs[dual ? 0 : 1]));
  }

  if (essential) {
    Extrema<Key>& tree = dual ? maxima_ : minima_;
    const std::int32_t oldest = tree.pixel(tree.classes.find(1));
    out.pairs[0].front().birth = dual ? last - oldest : oldest;
  }
}

template class Engine<std::int32_t>;
template class Engine<std::int64_t>;

}  // namespace topoeval::image
