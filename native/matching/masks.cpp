// Dimensions 0 and d-1 by components, and the steps in their order.
//
// "Foreground" components connect as the construction says (V: 4 or 6 neighbours, T: 8 or 26), those of the
// background the other way.  In a plain array a background component at the border is no hole.
//
// H0, union.  Voxels outside C enter in raster order and always hang together: they are one blob.
// What it meets joins it, so a component of C merges with the blob at its event; P and G both lose
// a class there if the component and the blob hold voxels of both (`absorb`).  One class
// more matches: the essential ones.
// H0, intersection.  The rank grows at the first voxel of C in each component of P.  Without any
// such voxel the essential classes match all the same.
// H(d-1), by Alexander duality.  Union: the rank is the number of components of P's background
// that still meet the background of C; it falls at the last voxel of each.  Intersection: the
// components of C's background join the blob backwards, facet by facet.
// The frame itself is a class of dimension d-1, born in the frame in all masks: with the union it dies
// inside F_C if C is full, with the intersection it matches by its birth.
#include "masks.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "../common/spare.hpp"
#include "../common/team.hpp"
#include "bit_rows.hpp"
#include "euler.hpp"
#include "mask_loops.hpp"
#include "run_labels.hpp"

namespace topoeval::matching {

namespace {

struct Settings {
  int rank;
  Construction construction;
  bool framed;
  Comparison comparison;

  bool t() const { return construction == Construction::top_cells; }
  bool intersection() const { return comparison == Comparison::intersection; }
  std::size_t top() const { return static_cast<std::size_t>(rank - 1); }
};

// Both masks read one way, what they have in common, and their components.
class Side {
 public:
  void load(const ArrayView& p, const ArrayView& g, const Settings& settings,
            const Reading& reading, bool intersection, Interrupt& interrupt) {
    masks_[0].load(p, settings.rank, reading, interrupt);
    masks_[1].load(g, settings.rank, reading, interrupt);
    both_.combine(masks_[0], masks_[1], intersection);
    rank_ = settings.rank;
  }

  const BitRows& mask(int k) const { return masks_[k]; }
  bool neither_empty() const { return masks_[0].any() && masks_[1].any(); }
  bool nothing_in_both() const { return !both_.any(); }

  std::int64_t count_one(const ArrayView& mask, const Settings& settings, const Reading& reading,
                         const Questions& asked, Interrupt& interrupt) {
    masks_[0].load(mask, settings.rank, reading, interrupt);
    labels_.label(masks_[0], settings.rank, asked, interrupt);
    return labels_.count();
  }

  // The components of both masks, counted; and how many pairs of them, one of each mask, have the
  // same first voxel of what the masks share.
  std::int64_t count(const Questions& asked, std::array<std::int64_t, 2>& numbers,
                     Interrupt& interrupt) {
    for (std::size_t k = 0; k < 2; ++k) {
      labels_.label(masks_[k], rank_, asked, interrupt);
      numbers[k] = labels_.count();
      firsts_[k].clear();
      labels_.for_each([&](const Component& component) {
        if (component.first != kNoPosition) firsts_[k].push_back(component.first);
      });
      std::sort(firsts_[k].begin(), firsts_[k].end());
    }
    return MaskLoops::common(firsts_[0], firsts_[1]);
  }
  bool no_first() const { return firsts_[0].empty(); }

  // The components of what is in one of the masks or in both.
  const RunLabels& label_both(Questions asked, Interrupt& interrupt) {
    asked.p = &masks_[0];
    asked.g = &masks_[1];
    labels_.label(both_, rank_, asked, interrupt);
    return labels_;
  }
  const BitRows& both() const { return both_; }

  // The components join a blob by ascending events: how often do blob and component both hold
  // voxels of P and of G?  And does the blob at the end?
  std::pair<std::int64_t, bool> absorb() {
    events_.clear();
    labels_.for_each([&](const Component& component) {
      events_.emplace_back(component.event, component.holds);
    });
    std::sort(events_.begin(), events_.end());
    std::uint8_t blob = 0;
    std::int64_t matched = 0;
    for (const auto& [event, holds] : events_) {
      matched += blob == 3 && holds == 3;
      blob |= holds;
    }
    return {matched, blob == 3};
  }

  std::size_t bytes() const {
    return masks_[0].bytes() + masks_[1].bytes() + both_.bytes() + labels_.bytes() +
           (firsts_[0].capacity() + firsts_[1].capacity()) * sizeof(std::int64_t) +
           events_.capacity() * sizeof(events_[0]);
  }
  // What H1 does not need.
  void release_labels() {
    labels_.release();
    both_.release();
  }
  void release() { *this = Side(); }

 private:
  int rank_ = 2;
  BitRows masks_[2], both_;
  RunLabels labels_;
  std::vector<std::int64_t> firsts_[2];
  std::vector<std::pair<std::int64_t, std::uint8_t>> events_;
};

// One thread's memory.
class Worker {
 public:
  void run(const ArrayView& p, const ArrayView& g, const Settings& settings, int threads,
           Interrupt& interrupt, MaskMatching& out) {
    const bool large = p.size() > kLarge;
    Team team(std::min(threads, 2), interrupt);
    team.run(2, [&](std::int64_t task, int) {
      if (task == 0) {
        match_components(p, g, settings, interrupt, out);
      } else {
        match_cavities(p, g, settings, interrupt, out);
        if (large) background_.release();
      }
    });
    if (settings.rank == 3) {
      if (large) foreground_.release_labels();
      for (const bool of_g : {false, true}) {
        auto& betti = of_g ? out.g : out.p;
        betti[1] = betti[0] + betti[2] - euler_.of(foreground_.mask(of_g), settings.t(), team);
      }
      if (out.p[1] != 0 && out.g[1] != 0) {
        out.matched[1] = loops_.matched(foreground_.mask(0), foreground_.mask(1),
                                        settings.construction, settings.framed,
                                        settings.comparison, threads, interrupt);
      }
    }
  }

  std::array<std::int64_t, 3> betti_numbers(const ArrayView& mask, const Settings& settings,
                                            Interrupt& interrupt) {
    std::array<std::int64_t, 3> betti{};
    Questions asked;
    asked.corners = settings.t();
    betti[0] = foreground_.count_one(mask, settings, {settings.framed, false, false}, asked, interrupt);
    asked.corners = !settings.t();
    asked.drop_border = !settings.framed;
    betti[settings.top()] =
        background_.count_one(mask, settings, {settings.framed, false, true}, asked, interrupt);
    if (settings.rank == 3) {
      Team alone(1, interrupt);
      betti[1] = betti[0] + betti[2] - euler_.of(foreground_.mask(0), settings.t(), alone);
    }
    return betti;
  }

  std::size_t bytes() const { return foreground_.bytes() + background_.bytes() + loops_.bytes(); }

 private:
  // From this size on what is no longer needed is given back at once.
  static constexpr std::int64_t kLarge = std::int64_t{1} << 22;

  void match_components(const ArrayView& p, const ArrayView& g, const Settings& settings,
                        Interrupt& interrupt, MaskMatching& out) {
    Side& side = foreground_;
    side.load(p, g, settings, {settings.framed, false, false}, settings.intersection(), interrupt);
    Questions asked;
    asked.corners = settings.t();
    if (settings.intersection()) asked.within = &side.both();
    std::array<std::int64_t, 2> numbers;
    out.matched[0] = side.count(asked, numbers, interrupt);
    out.p[0] = numbers[0];
    out.g[0] = numbers[1];
    if (settings.intersection()) {
      if (side.no_first()) out.matched[0] = side.neither_empty();
    } else {
      asked.events = true;
      side.label_both(asked, interrupt);
      out.matched[0] = side.absorb().first + side.neither_empty();
    }
  }

  void match_cavities(const ArrayView& p, const ArrayView& g, const Settings& settings,
                      Interrupt& interrupt, MaskMatching& out) {
    Side& side = background_;
    const bool intersection = settings.intersection();
    // With the intersection the frame is dealt with apart.
    side.load(p, g, settings, {settings.framed && !intersection, true, true}, !intersection,
              interrupt);
    Questions asked;
    asked.corners = !settings.t();
    asked.drop_border = !settings.framed;
    if (!intersection) asked.within = &side.both();
    std::array<std::int64_t, 2> numbers;
    std::int64_t matched = side.count(asked, numbers, interrupt);
    out.p[settings.top()] = numbers[0];
    out.g[settings.top()] = numbers[1];
    if (!intersection) {
      matched += settings.framed && side.nothing_in_both() && side.neither_empty();
    } else if (!settings.framed) {
      matched = 0;
      side.label_both(asked, interrupt).for_each([&](const Component& component) {
        matched += component.holds == 3;
      });
    } else {
      asked.events = true;
      side.label_both(asked, interrupt);
      const auto [joined, blob_holds_both] = side.absorb();
      matched = joined + blob_holds_both;
    }
    out.matched[settings.top()] = matched;
  }

  Side foreground_, background_;
  EulerNumber euler_;
  MaskLoops loops_;
};

// One for each thread.
struct Workspace {
  std::vector<std::unique_ptr<Worker>> workers;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& worker : workers) sum += worker->bytes();
    return sum;
  }
};

Spare<Workspace> spare;
constexpr std::size_t kMostKept = std::size_t{128} << 20;

// Calls work(item, worker, threads inside the item) for every item.
template <class Work>
void for_each_item(std::int64_t count, int threads, Interrupt& interrupt, Work work) {
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, count)), interrupt);
  const int inner_threads = std::max(1, threads / crew.threads());
  std::unique_ptr<Workspace> workspace = spare.take();
  while (workspace->workers.size() < static_cast<std::size_t>(crew.threads())) {
    workspace->workers.push_back(std::make_unique<Worker>());
  }
  crew.run(count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    work(item, *workspace->workers[static_cast<std::size_t>(worker)], inner_threads);
  });
  if (workspace->bytes() <= kMostKept) spare.leave(std::move(workspace));
}

}  // namespace

std::vector<MaskMatching> match_masks(const Batch& p, const Batch& g, Construction construction,
                                      bool framed, Comparison comparison, int threads,
                                      Interrupt& interrupt) {
  std::vector<MaskMatching> matchings(static_cast<std::size_t>(p.count));
  const Settings settings{p.rank, construction, framed, comparison};
  for_each_item(p.count, threads, interrupt, [&](std::int64_t i, Worker& worker, int inner) {
    worker.run(p.item(i), g.item(i), settings, inner, interrupt,
               matchings[static_cast<std::size_t>(i)]);
  });
  return matchings;
}

std::vector<std::array<std::int64_t, 3>> betti_numbers(const Batch& masks,
                                                       Construction construction, bool framed,
                                                       int threads, Interrupt& interrupt) {
  std::vector<std::array<std::int64_t, 3>> betti(static_cast<std::size_t>(masks.count));
  const Settings settings{masks.rank, construction, framed, Comparison::union_};
  for_each_item(masks.count, threads, interrupt, [&](std::int64_t i, Worker& worker, int) {
    betti[static_cast<std::size_t>(i)] = worker.betti_numbers(masks.item(i), settings, interrupt);
  });
  return betti;
}

}  // namespace topoeval::matching
