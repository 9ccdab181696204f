// Rounds of edits, each of which brings the Betti numbers nearer to the wanted ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "../matching/masks.hpp"
#include "components.hpp"
#include "creations.hpp"
#include "edits.hpp"
#include "growth.hpp"
#include "made.hpp"
#include "paths.hpp"
#include "removals.hpp"
#include "repair.hpp"

namespace topoeval::repair {

template <int D> class Rounds {
 public:
  Rounds(Grid<D>& grid, const Settings& settings) : settings_(settings), grid_(grid) {}
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  void begin(const Counts& wanted, Interrupt& interrupt) {
    creations_.reset();
    edits.clear();
    refused.reset();
    goal = wanted;
    count(interrupt);
  }

  Counts count(Interrupt& interrupt) {
    Batch batch;
    batch.rank = D;
    batch.count = 1;
    batch.first = grid_.view(grid_.colour, Dtype::u8);
    const auto construction = grid_.corners ? Construction::top_cells : Construction::vertices;
    counts = matching::betti_numbers(batch, construction, false, 1, interrupt).front();
    return counts;
  }

  std::int64_t distance(const Counts& counts) const {
    std::int64_t sum = 0;
    for (int dim = 0; dim < D; ++dim) {
      if (goal[dim] != kAny) sum += std::abs(counts[dim] - goal[dim]);
    }
    return sum;
  }
  std::int64_t distance() const { return distance(counts); }
  bool too_many(int dim) const { return goal[dim] != kAny && counts[dim] > goal[dim]; }
  bool too_few(int dim) const { return goal[dim] != kAny && counts[dim] < goal[dim]; }

  void approach(Interrupt& interrupt) {
    bool careful = false;
    while (distance() > 0) {
      interrupt.poll();
      const std::int64_t before = distance();
      const Counts counts_before = counts;
      const std::size_t edits_before = edits.size();
      for (auto& state : grid_.state) state &= static_cast<std::uint8_t>(~Grid<D>::kTouched);
      components_.label(interrupt);
      if (!create(false, interrupt) && !remove(false, careful, interrupt) &&
          !remove(true, true, interrupt) && (wants_evidence() || !create(true, interrupt))) {
        return;
      }
      count(interrupt);
      if (distance() < before) {
        careful = false;
        continue;
      }
      // A flip that split what it shrank was misjudged: again, with a count after every edit.
      components_.undo(0);
      forget(edits_before);
      counts = counts_before;
      if (careful) return;
      careful = true;
    }
  }

  // Where no single edit helps: a missing feature at any place, whatever else it changes; it is then left
  // alone while the rest is mended.
  bool force(Interrupt& interrupt) {
    if (wants_evidence()) return false;
    constexpr std::size_t kMostTries = 6;
    const std::int64_t left = distance();
    for (int dim = 0; dim < D; ++dim) {
      if (!too_few(dim) || (D == 3 && dim == 1)) continue;
      components_.label(interrupt);
      const Counts before = counts;
      std::vector<Candidate> found, useful;
      const auto evidence = static_cast<float>(settings_.evidence);
      for (const Seed& seed : creations_.seeds(dim, evidence, true, interrupt)) {
        creations_.isolate(dim == 0, seed, found, interrupt);
        creations_.enclose(dim == 0, seed, found);
      }
      sort_by_price(found);
      for (Candidate& candidate : found) {
        if (!allowed(candidate.kind) || changes_too_much(candidate)) continue;
        flip(candidate);
        count(interrupt);
        candidate.order = static_cast<double>(distance());
        if (counts[dim] > before[dim]) useful.push_back(candidate);
        components_.undo(0);
      }
      counts = before;
      std::stable_sort(useful.begin(), useful.end(),
                       [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
      if (useful.size() > kMostTries) useful.resize(kMostTries);
      const Snapshot start = snapshot();
      for (const Candidate& candidate : useful) {
        components_.label(interrupt);
        flip(candidate);
        record(candidate);
        for (const Index at : candidate.voxels) grid_.state[at] |= Grid<D>::kLocked;
        if (candidate.centre != kNowhere) grid_.state[candidate.centre] |= Grid<D>::kLocked;
        count(interrupt);
        approach(interrupt);
        if (distance() < left) {
          unlock(start);
          return true;
        }
        restore(start);
      }
    }
    return false;
  }

  // The rounds from edit `first` on, again, but with a removal as their first edit; whether it could be made.
  bool again(std::size_t first, const Candidate& candidate, Interrupt& interrupt) {
    for (std::size_t i = first; i < edits.size(); ++i) {
      for (const Index at : edits[i].voxels) grid_.colour[at] ^= 1;
    }
    forget(first);
    for (const Index at : candidate.voxels) {
      if (grid_.colour[at] == candidate.to) return false;
    }
    for (const Index at : candidate.voxels) grid_.colour[at] = candidate.to;
    record(candidate);
    count(interrupt);
    approach(interrupt);
    return true;
  }

  struct Snapshot {
    std::vector<std::uint8_t> colour, state;
    std::size_t edits;
    Counts counts;
  };
  Snapshot snapshot() const { return {grid_.colour, grid_.state, edits.size(), counts}; }
  void restore(const Snapshot& from) {
    grid_.colour = from.colour;
    grid_.state = from.state;
    edits.resize(from.edits);
    counts = from.counts;
  }

  template <class Wanted>
  void gather_regions(std::uint8_t phase, Wanted wanted, std::vector<Candidate>& out) {
    std::vector<Index> place(components_.labelled(), kNowhere);
    grid_.for_each([&](Index at) {
      if (grid_.colour[at] != phase) return;
      const Index node = components_.labels[at];
      if (node == Components<D>::kOuter || !wanted(node)) return;
      if (place[node] == kNowhere) {
        place[node] = static_cast<Index>(out.size());
        Candidate region;
        region.kind = phase ? Kind::remove : Kind::fill;
        region.to = !phase;
        region.of[0] = node;
        out.push_back(std::move(region));
      }
      Candidate& region = out[place[node]];
      region.voxels.push_back(at);
      region.order += grid_.prices[at];
    });
  }

  double price() const {
    double sum = 0;
    for (const Made& made : edits) sum += repair::price(grid_, made, settings_.width);
    return sum;
  }

  // The highest price of a voxel that may flip.
  double dearest() const { return settings_.limit * Grid<D>::kUnit + 1; }

  bool changes_too_much(const Candidate& candidate) const {
    const bool centre = candidate.centre != kNowhere;
    const auto count = static_cast<std::int64_t>(candidate.voxels.size()) + (centre ? 1 : 0);
    if (count > settings_.max_change) return true;
    const auto forbidden = [&](Index at) {
      return (grid_.state[at] & Grid<D>::kLocked) || grid_.prices[at] > dearest();
    };
    return (centre && forbidden(candidate.centre)) ||
           std::any_of(candidate.voxels.begin(), candidate.voxels.end(), forbidden);
  }

  bool allowed(Kind kind) const {
    const Kind named = settings_.framed ? negative(kind) : kind;
    return settings_.kinds >> static_cast<int>(named) & 1u;
  }

  void record(const Candidate& candidate) {
    Made done{candidate.kind, candidate.bar, candidate.voxels};
    if (candidate.centre != kNowhere) done.voxels.push_back(candidate.centre);
    const bool path = candidate.kind >= Kind::join;
    for (const Index at : done.voxels) {
      grid_.state[at] |= Grid<D>::kTouched;
      if (!path) continue;
      grid_.state[at] |= Grid<D>::kKept;
      if ((grid_.colour[at] != 0) != settings_.framed) grid_.state[at] |= Grid<D>::kRaised;
    }
    edits.push_back(std::move(done));
  }

  std::size_t bytes() const {
    return components_.bytes() + paths_.bytes() + growth_.bytes();
  }
  Components<D>& components() { return components_; }

  Counts counts{}, goal{};
  std::vector<Made> edits;
  // 2D: the cheapest removal that was refused because it adds as much as it takes away.
  std::optional<Candidate> refused;

  // Then a feature is created by a single edit at a bar, or not at all: where others make room for it,
  // the bar may be that of a feature that is there already.
  bool wants_evidence() const { return settings_.evidence > 0; }

 private:
  // One feature of a dimension that has too few: at the longest bar; of places that no bar names, the
  // cheapest.
  bool create(bool anywhere, Interrupt& interrupt) {
    reached_ = kUnreached;
    for (int dim = 0; dim < D; ++dim) {
      if (!too_few(dim)) continue;
      const auto evidence = static_cast<float>(settings_.evidence);
      std::vector<Candidate> found;
      std::size_t searched = 0;
      for (const Seed& seed : creations_.seeds(dim, evidence, anywhere, interrupt)) {
        if (D == 3 && dim == 1) {
          handles(seed, found, interrupt);
        } else {
          creations_.isolate(dim == 0, seed, found, interrupt);
          if (anywhere) creations_.enclose(dim == 0, seed, found);
        }
        searched += grid_.size;
        if (seed.bar <= 0 && searched < kMostSearched) continue;
        if (take_first(found, anywhere, interrupt)) return true;
        found.clear();
      }
      if (take_first(found, anywhere, interrupt)) return true;
    }
    return false;
  }

  bool take_first(std::vector<Candidate>& found, bool cheapest, Interrupt& interrupt) {
    if (cheapest) sort_by_price(found);
    return std::any_of(found.begin(), found.end(), [&](const Candidate& candidate) {
      return take(candidate, D == 3, interrupt);
    });
  }

  void sort_by_price(std::vector<Candidate>& found) const {
    for (Candidate& candidate : found) candidate.order *= factor<D>(candidate.kind, settings_.width);
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
  }

  void handles(const Seed& seed, std::vector<Candidate>& found, Interrupt& interrupt) {
    constexpr std::size_t kMost = 6;
    const std::uint8_t phase = !grid_.colour[seed.voxel];
    if (grid_.state[seed.voxel] & Grid<D>::kLocked) return;
    if (reached_ != phase) paths_.reach(phase, interrupt);
    reached_ = phase;
    paths_.arches(seed.voxel, kMost, found);
    for (Candidate& candidate : found) candidate.bar = seed.bar;
  }

  // Features of all dimensions that have too many; `by_paths` also looks for paths in 3D.
  bool remove(bool by_paths, bool careful, Interrupt& interrupt) {
    std::vector<Candidate> found;
    const bool components = too_many(0), holes = too_many(D - 1), loops = D == 3 && too_many(1);
    const auto any = [](Index) { return true; };
    if (components && allowed(Kind::remove)) gather_regions(1, any, found);
    if (holes && allowed(Kind::fill)) gather_regions(0, any, found);
    removals_.begin(found, [&](const Candidate& region) { return changes_too_much(region); });
    if (D == 2 || by_paths) {
      for (const std::uint8_t phase : {std::uint8_t{1}, std::uint8_t{0}}) {
        if (!(phase ? components : holes) || !allowed(phase ? Kind::join : Kind::open)) continue;
        paths_.reach(phase, interrupt);
        paths_.joins(found);
      }
    }
    if (D == 3) {
      // What a whole piece changes too much of, a voxel of it may mend.
      const bool single = by_paths;
      paths_.release();
      if ((holes && allowed(Kind::open)) || (loops && allowed(Kind::cut))) {
        growth_.inward(single, found, interrupt);
      }
      if ((loops && allowed(Kind::cover)) || (components && allowed(Kind::join))) {
        growth_.outward(kSurelyOutside, single, found, interrupt);
      }
    }
    sort_by_price(found);
    bool any_taken = false;
    for (const Candidate& candidate : found) {
      if (candidate.order > removals_.cheapest()) break;
      const double together = removals_.together(candidate);
      if (!take(candidate, careful, interrupt)) continue;
      any_taken = true;
      if (distance() == 0) break;
      removals_.join(candidate, together);
    }
    return any_taken;
  }

  // Flips a candidate if that brings the counts nearer; with `careful` a count decides.
  bool take(const Candidate& candidate, bool careful, Interrupt& interrupt) {
    for (const Index at : candidate.voxels) {
      if ((grid_.state[at] & Grid<D>::kTouched) || grid_.colour[at] == candidate.to) return false;
    }
    if (candidate.voxels.empty() && candidate.centre == kNowhere) return false;
    if (changes_too_much(candidate)) return false;
    const std::size_t mark = components_.mark();
    const Counts before = counts;
    const Counts change = flip(candidate);
    for (int dim = 0; dim < D; ++dim) counts[dim] += change[dim];
    const Kind kind = kind_of<D>(candidate, change);
    if (careful) count(interrupt);
    if (!allowed(kind) || distance() >= distance(before)) {
      remember(candidate, kind, before);
      components_.undo(mark);
      counts = before;
      return false;
    }
    Candidate taken = candidate;
    taken.kind = kind;
    record(taken);
    return true;
  }

  // What another removal may mend: from two components (1, 0) is reached by a join that closes a ring, and
  // by opening that.
  void remember(const Candidate& candidate, Kind kind, const Counts& before) {
    if (D == 3 || creates(kind) || !allowed(kind) || distance() != distance(before)) return;
    if (removals_.changed(candidate)) return;  // it was judged by what is no longer there
    if (!refused || candidate.order < refused->order) refused = candidate;
  }

  // Edits from this one on were taken back.
  void forget(std::size_t first) {
    for (std::size_t i = first; i < edits.size(); ++i) {
      for (const Index at : edits[i].voxels) leave_path(grid_, at);
    }
    edits.resize(first);
  }

  // Returns the change of the Betti numbers.
  Counts flip(const Candidate& candidate) {
    Counts change{};
    if (candidate.centre != kNowhere) {
      change = components_.flip({candidate.centre}, !candidate.to);
    }
    const Counts rest = components_.flip(candidate.voxels, candidate.to);
    for (int dim = 0; dim < D; ++dim) change[dim] += rest[dim];
    return change;
  }

  // Back to what was locked before.
  void unlock(const Snapshot& start) {
    for (Index at = 0; at < grid_.size; ++at) {
      if (!(start.state[at] & Grid<D>::kLocked)) {
        grid_.state[at] &= static_cast<std::uint8_t>(~Grid<D>::kLocked);
      }
    }
  }

  static constexpr std::uint8_t kUnreached = 2;
  static constexpr std::size_t kMostSearched = 1 << 20;  // voxels, to choose from
  static constexpr float kSurelyOutside = 0.02f;

  const Settings& settings_;
  Grid<D>& grid_;
  Components<D> components_{grid_};
  Paths<D> paths_{grid_, components_};
  Growth<D> growth_{grid_, components_};
  Removals<D> removals_{components_};
  Creations<D> creations_{grid_, components_, paths_};
  std::uint8_t reached_ = kUnreached;  // the phase that paths_ measures from
};

}  // namespace topoeval::repair
