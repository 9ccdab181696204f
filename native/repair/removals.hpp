// What it would cost, in the middle of a round, to remove the components that the round has changed.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "components.hpp"
#include "edits.hpp"

namespace topoeval::repair {

// The edits of a round were priced at its head.  Where two components have been joined since, removing both is
// no candidate until the next round, and may cost less than what comes next in this one, which then ends.
// In 2D only; growth in 3D offers what it found as a whole.
template <int D> class Removals {
 public:
  explicit Removals(const Components<D>& components) : components_(components) {}

  // Of a round whose components were just labelled; what no region removes, or none that may be, stays.
  template <class Forbidden>
  void begin(const std::vector<Candidate>& regions, Forbidden forbidden) {
    cheapest_ = std::numeric_limits<double>::infinity();
    if (D == 3) return;
    prices_.assign(components_.nodes(), std::numeric_limits<double>::infinity());
    changed_.assign(components_.nodes(), 0);
    for (const Candidate& region : regions) {
      if (!forbidden(region)) prices_[region.of[0]] = region.order;
    }
  }

  // Whether this round changed a component that the candidate removes or joins.
  bool changed(const Candidate& candidate) const {
    return std::any_of(candidate.of.begin(), candidate.of.end(), [&](Index node) {
      return node != kNowhere && changed_of(components_.root(node));
    });
  }

  // The least that it costs to remove components that this round joined.
  double cheapest() const { return cheapest_; }

  // Before a candidate flips: what removing the components would cost that it leaves as one.
  double together(const Candidate& candidate) const {
    if (!joins(candidate)) return 0;
    return prices_[components_.root(candidate.of[0])] + prices_[components_.root(candidate.of[1])];
  }
  // After it: the flipped voxels would be flipped back, for nothing.
  void join(const Candidate& candidate, double together) {
    if (!joins(candidate)) return;
    const Index root = components_.root(candidate.of[0]);
    if (root >= prices_.size()) {
      prices_.resize(root + 1, std::numeric_limits<double>::infinity());
      changed_.resize(root + 1, 0);
    }
    prices_[root] = together;
    cheapest_ = std::min(cheapest_, together);
    changed_[root] = 1;
  }

 private:
  static bool joins(const Candidate& candidate) { return D == 2 && candidate.of[1] != kNowhere; }
  bool changed_of(Index root) const { return root < changed_.size() && changed_[root]; }

  const Components<D>& components_;
  std::vector<double> prices_;
  double cheapest_ = std::numeric_limits<double>::infinity();
  std::vector<char> changed_;
};

}  // namespace topoeval::repair
