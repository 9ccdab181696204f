// One item's repair: small things first, then rounds, detours where these end, and the polish.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "polish.hpp"
#include "rounds.hpp"

namespace topoeval::repair {

template <int D> class Repairer {
 public:
  explicit Repairer(const Settings& settings) : settings_(settings) {}
  Repairer(const Repairer&) = delete;
  Repairer& operator=(const Repairer&) = delete;

  Repaired run(const ArrayView& mask, const ArrayView& values, const ArrayView* locked,
               const Counts& wanted, Interrupt& interrupt, std::uint8_t* out) {
    const bool inverted = settings_.framed;
    grid_.load(mask, values, locked, inverted, settings_.corners != inverted, settings_.uniform,
               interrupt);
    rounds_.begin(inverted ? negative(wanted) : wanted, interrupt);
    Repaired result;
    result.before = of_input(rounds_.counts);
    drop_small(interrupt);
    const std::size_t first = rounds_.edits.size();
    rounds_.approach(interrupt);
    const std::optional<Candidate> refused = rounds_.refused;
    // With a limit, edits that are too dear are to be left undone.
    if (std::isinf(settings_.limit)) {
      while (rounds_.distance() > 0 && rounds_.force(interrupt)) {
      }
      if (rounds_.distance() > 0) detour(interrupt);
    }
    cancel(grid_, rounds_.edits, first);
    if (refused && rounds_.distance() == 0) reconsider(first, *refused, interrupt);
    polish(interrupt);
    // Also what the polish took back, and what followed on small things that went: the edits are the
    // difference of the masks.
    cancel(grid_, rounds_.edits, 0);
    result.after = of_input(rounds_.count(interrupt));
    store(result, out);
    return result;
  }

  std::size_t bytes() const { return grid_.bytes() + rounds_.bytes(); }

 private:
  // The foreground of a framed item has one component more than its negative, which is plain, has
  // holes, and the other way round.
  static Counts negative(const Counts& counts) {
    Counts out = counts;
    out[0] = counts[D - 1];
    out[D - 1] = counts[0] == kAny ? kAny : counts[0] - 1;
    return out;
  }
  Counts of_input(Counts counts) const {
    if (settings_.framed) {
      std::swap(counts[0], counts[D - 1]);
      ++counts[0];
    }
    return counts;
  }

  // Components and holes that are too small or, with `keep`, not among the largest components.
  void drop_small(Interrupt& interrupt) {
    const bool framed = settings_.framed;
    Components<D>& components = rounds_.components();
    if (settings_.min_size <= 1 && settings_.keep == kAny) return;
    // Filling a hole may free no component, but removing a component opens its holes: fill first.
    for (const std::uint8_t phase : {std::uint8_t{0}, std::uint8_t{1}}) {
      components.label(interrupt);
      const bool input_phase = (phase != 0) != framed;
      std::vector<Index> order;
      for (Index node = 1; node < components.labelled(); ++node) {
        if (components.phase(node) == phase) order.push_back(node);
      }
      std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
        return components.voxels(a) > components.voxels(b);
      });
      std::vector<std::uint8_t> goes(components.labelled(), 0);
      for (std::size_t i = 0; i < order.size(); ++i) {
        const bool surplus = input_phase && settings_.keep != kAny &&
                             static_cast<std::int64_t>(i) >= settings_.keep - (framed ? 1 : 0);
        goes[order[i]] = surplus || components.voxels(order[i]) < settings_.min_size;
      }
      std::vector<Candidate> found;
      rounds_.gather_regions(phase, [&](Index node) { return goes[node] != 0; }, found);
      for (Candidate& candidate : found) {
        if (rounds_.changes_too_much(candidate)) continue;
        components.flip(candidate.voxels, candidate.to);
        rounds_.record(candidate);
      }
    }
    rounds_.count(interrupt);
  }

  // By way of one component (or none) without holes, which leaves room.
  void detour(Interrupt& interrupt) {
    const Counts wanted = rounds_.goal;
    const std::int64_t left = rounds_.distance();
    const auto stuck = rounds_.snapshot();
    for (int dim = 0; dim < D; ++dim) {
      if (wanted[dim] != kAny) rounds_.goal[dim] = dim == 0 && wanted[0] > 0 ? 1 : 0;
    }
    rounds_.approach(interrupt);
    rounds_.goal = wanted;
    rounds_.approach(interrupt);
    while (rounds_.distance() > 0 && rounds_.force(interrupt)) {
    }
    if (rounds_.distance() >= left) rounds_.restore(stuck);
  }

  // In 2D: a cheap removal that was refused for what it adds, and the one that mends that, may together cost
  // less than what was taken instead.  Beginning with the refused one the rounds run again, and the cheaper
  // mask is kept.  With evidence nothing is added but at a bar.
  void reconsider(std::size_t first, const Candidate& refused, Interrupt& interrupt) {
    constexpr std::size_t kMostEdits = 8;  // of many, one made cheaper is not worth the time
    if (rounds_.wants_evidence() || rounds_.edits.size() - first > kMostEdits) return;
    double dearest = 0;
    for (std::size_t i = first; i < rounds_.edits.size(); ++i) {
      const Made& made = rounds_.edits[i];
      if (!creates(made.kind)) dearest = std::max(dearest, price(grid_, made, settings_.width));
    }
    if (refused.order >= dearest) return;
    const auto found = rounds_.snapshot();
    const std::vector<Made> edits = rounds_.edits;
    const double cost = rounds_.price();
    const bool made = rounds_.again(first, refused, interrupt);
    cancel(grid_, rounds_.edits, first);
    if (made && rounds_.distance() == 0 && rounds_.price() < cost) return;
    rounds_.restore(found);
    rounds_.edits = edits;
  }

  void polish(Interrupt& interrupt) {
    const std::uint8_t raised = !settings_.framed;
    std::vector<Index> flipped;
    if (!rounds_.edits.empty()) {
      polish_.relax(changed(rounds_.edits), flipped, interrupt);
      strike(grid_, rounds_.edits, flipped);
      if (settings_.radius >= 1 && rounds_.allowed(Kind::thicken)) thicken(raised, interrupt);
    }
    if (settings_.settle && rounds_.allowed(Kind::settle)) {
      flipped.clear();
      polish_.settle(raised, rounds_.dearest(), flipped, interrupt);
      if (!flipped.empty()) rounds_.edits.push_back({Kind::settle, 0, std::move(flipped)});
    }
  }

  // A path and what is raised beside it together flip no more voxels than one edit may.
  void thicken(std::uint8_t raised, Interrupt& interrupt) {
    std::vector<typename Polish<D>::Path> paths;
    for (const auto& edit : rounds_.edits) {
      paths.push_back({&edit.voxels, settings_.max_change - static_cast<std::int64_t>(edit.voxels.size()), {}});
    }
    polish_.thicken(settings_.radius, raised, rounds_.dearest(), paths, interrupt);
    std::vector<Made> done;
    for (auto& path : paths) {
      if (!path.raised.empty()) done.push_back({Kind::thicken, 0, std::move(path.raised)});
    }
    for (auto& one : done) rounds_.edits.push_back(std::move(one));
  }

  void store(Repaired& result, std::uint8_t* out) const {
    const auto framed = static_cast<std::uint8_t>(settings_.framed);
    grid_.for_each([&](Index at) { *out++ = grid_.colour[at] ^ framed; });
    for (const auto& done : rounds_.edits) {
      Edit edit{settings_.framed ? repair::negative(done.kind) : done.kind, 0, done.bar, {}};
      edit.voxels.reserve(done.voxels.size());
      double largest = 0;
      for (const Index at : done.voxels) {
        const double price = static_cast<double>(grid_.prices[at]) / Grid<D>::kUnit;
        edit.cost += price;
        largest = std::max(largest, price);
        edit.voxels.push_back(grid_.position(at));
      }
      if (!creates(edit.kind)) edit.bar = largest;
      result.edits.push_back(std::move(edit));
    }
  }

  const Settings settings_;
  Grid<D> grid_;
  Rounds<D> rounds_{grid_, settings_};
  Polish<D> polish_{grid_};
};

}  // namespace topoeval::repair
