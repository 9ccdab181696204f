// The matching of one pair of images or volumes: barcodes with image barcodes, joined.
#pragma once

#include <algorithm>
#include <array>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "loops.hpp"
#include "mask_target.hpp"
#include "matching.hpp"
#include "merge_tree.hpp"

namespace topoeval::matching {

template <class Key, int D> class Matcher {
 public:
  void run(const Field<Key>& p, const Field<Key>& g, const Request& request, Comparison comparison,
           bool proper, bool general, Interrupt& interrupt, Matching& out) {
    proper_ = proper;
    const bool dual = request.construction == Construction::top_cells;
    const Grid<D> grid(p.depth(), p.height(), p.width(), dual);
    minimum_ = (comparison == Comparison::union_) != dual;
    sides_[0].order.load(p, grid, interrupt);
    sides_[1].order.load(g, grid, interrupt);
    comparison_.combine(sides_[0].order, sides_[1].order, minimum_, grid);
    interrupt.poll();
    ranks_[0].build(sides_[0].order, grid);
    const bool two = !general && find_levels(grid);
    against_mask_ = D == 2 && two && minimum_ && !dual;
    if (against_mask_) {
      if constexpr (D == 2) mask_.label(sides_[1].order, low_, grid);
    } else if (two) {
      ranks_[1].build_of_two(sides_[1].order, grid, is(low_), nullptr, nullptr);
      rank_comparison(grid);
    } else {
      interrupt.poll();
      ranks_[1].build(sides_[1].order, grid);
      interrupt.poll();
      ranks_[2].build(comparison_, grid);
    }

    const auto dim_of = [&](int core_dim) { return dual ? D - 1 - core_dim : core_dim; };
    for (int core_dim = 0; core_dim < D; ++core_dim) {
      const int dim = dim_of(core_dim);
      if (!request.wants(dim)) continue;
      std::vector<Match>& matches = out.matches[dim];
      for (Side& side : sides_) side.bars.clear();
      if (core_dim == 0 || core_dim == D - 1) {
        const Sense sense = core_dim == 0 ? Sense::up : Sense::down;
        if constexpr (D == 2) {
          if (against_mask_) match_mask(sense, grid, interrupt);
        }
        if (!against_mask_) match_extrema(sense, grid, interrupt);
        if (dim == 0) {  // the same class in any two filtrations of a whole
          const Place oldest_p = sides_[0].tree.survivor();
          const Place oldest_g = against_mask_ ? mask_.first() : sides_[1].tree.survivor();
          matches.push_back({grid.index(oldest_p), kNever, grid.index(oldest_g), kNever});
        }
      } else if constexpr (D == 3) {
        match_loops(grid, interrupt);
      }
      append(grid, matches);
    }
  }

 private:
  struct Bar {
    Place birth, death;
    std::int32_t partner;  // the number of a bar of the other side
  };
  struct Side {
    Order<Key> order;
    MergeTree<D> tree;
    std::vector<Bar> bars;
    std::vector<std::int32_t> bar_of_node;
  };

  static auto is(Key wanted) {
    return [wanted](Key key) { return key == wanted; };
  }

  // Whether G takes two values and P none beyond them, as a mask and a map of probabilities do.
  bool find_levels(const Grid<D>& grid) {
    const auto [p_low, p_high] = sides_[0].order.range(grid);
    std::tie(low_, high_) = sides_[1].order.range(grid);
    if (low_ == high_) {  // one of them does not occur
      if (p_low >= low_) {
        high_ = kAboveAll<Key>;
      } else {
        low_ = kBelowAll<Key>;
      }
    }
    return low_ <= p_low && p_high <= high_ && sides_[1].order.is_either(low_, high_, grid);
  }

  // The order of C, from that of P: with the minimum G's lower voxels come first, with the maximum its
  // upper ones last, and all others have their value in P.
  void rank_comparison(const Grid<D>& grid) {
    if (minimum_) {
      ranks_[2].build_of_two(comparison_, grid, is(low_), nullptr, &ranks_[0]);
    } else {
      const auto not_last = [high = high_](Key key) { return key != high; };
      ranks_[2].build_of_two(comparison_, grid, not_last, &ranks_[0], nullptr);
    }
  }

  void match(std::int32_t p, std::int32_t g) {
    if (p < 0 || g < 0) return;
    sides_[0].bars[static_cast<std::size_t>(p)].partner = g;
    sides_[1].bars[static_cast<std::size_t>(g)].partner = p;
  }

  void match_extrema(Sense sense, const Grid<D>& grid, Interrupt& interrupt) {
    Ranks* ranks = ranks_;
    if (sense == Sense::up) {
      ranks = reversed_;
      for (int i = 0; i < 3; ++i) reversed_[i].build_reversed(ranks_[i], grid);
    }
    for (std::size_t k = 0; k < 2; ++k) sides_[k].tree.build(ranks[k], grid, sense, interrupt);
    tree_.build(ranks[2], grid, sense, interrupt);
    // Deaths of H0 and births of the top dimension are where components meet.  Where image bars
    // have these in C, C is swept with the extrema of P and G; else P and G with those of C.
    if ((sense == Sense::up) == minimum_) {
      match_in_comparison(sense, ranks, interrupt);
    } else {
      match_by_image(sense, ranks, grid, interrupt);
    }
  }

  static Bar bar_at(Sense sense, Place meeting, Place extremum) {
    return sense == Sense::up ? Bar{extremum, meeting, kUnmatched} : Bar{meeting, extremum, kUnmatched};
  }

  // Whether a bar from or to a meeting in one order has a length, its extremum in another order.
  static bool has_length(Sense sense, Key meeting, Key extremum) {
    return sense == Sense::up ? extremum < meeting : meeting < extremum;
  }
  // Whether an image pair counts, see matching.hpp.
  bool keeps(Sense sense, Key meeting, Key extremum) const {
    return !proper_ || has_length(sense, meeting, extremum);
  }

  // The bars of one side, by node.
  void sweep_own(Side& side, Sense sense, const Ranks& ranks, Interrupt& interrupt) {
    side.bar_of_node.assign(side.tree.extrema().size(), kNone);
    const Ranks* const own[] = {&ranks};
    side.tree.sweep(own, interrupt, [&](Place meeting, const Place* dead) {
      if (side.order.key(meeting) == side.order.key(dead[0])) return;
      side.bar_of_node[static_cast<std::size_t>(side.tree.node_at(dead[0]))] =
          static_cast<std::int32_t>(side.bars.size());
      side.bars.push_back(bar_at(sense, meeting, dead[0]));
    });
  }

  // The bar of one side that dies with a place of the comparison, if one does.
  static std::int32_t bar_of(const Side& side, Place dead) {
    const auto node = static_cast<std::size_t>(side.tree.node_at(dead));
    return side.tree.extrema()[node] == dead ? side.bar_of_node[node] : kNone;
  }

  void match_in_comparison(Sense sense, const Ranks* ranks, Interrupt& interrupt) {
    for (std::size_t k = 0; k < 2; ++k) sweep_own(sides_[k], sense, ranks[k], interrupt);
    const Ranks* const all[] = {&ranks[0], &ranks[1], &ranks[2]};
    tree_.sweep(all, interrupt, [&](Place meeting, const Place* dead) {
      const Key key = comparison_.key(meeting);
      if (key == comparison_.key(dead[2])) return;
      std::int32_t bar[2] = {kNone, kNone};
      for (std::size_t k = 0; k < 2; ++k) {
        const Side& side = sides_[k];
        if (dead[k] == kNone || !keeps(sense, key, side.order.key(dead[k]))) continue;
        bar[k] = bar_of(side, dead[k]);
      }
      match(bar[0], bar[1]);
    });
  }

  // What match_extrema does, where G is a mask: see mask_target.hpp.
  void match_mask(Sense sense, const Grid<D>& grid, Interrupt& interrupt) {
    Side &p = sides_[0], &g = sides_[1];
    if (sense == Sense::up) {
      reversed_[0].build_reversed(ranks_[0], grid);
      p.tree.build(reversed_[0], grid, sense, interrupt);
      sweep_own(p, sense, reversed_[0], interrupt);
      bar_of_run_.assign(mask_.runs(), kNone);
      for (const MaskTarget::Component& component : mask_.components()) {
        bar_of_run_[static_cast<std::size_t>(component.run)] =
            static_cast<std::int32_t>(g.bars.size());
        g.bars.push_back({component.birth, component.death, kUnmatched});
      }
      mask_.sweep(p.tree, reversed_[0], grid, interrupt, [&](Place meeting, Place p_dead, Place g_dead) {
        const Key key = comparison_.key(meeting);
        if (key == low_ || !keeps(sense, key, p.order.key(p_dead))) return;
        match(bar_of(p, p_dead), bar_of_run_[static_cast<std::size_t>(mask_.run_of(g_dead))]);
      });
      return;
    }
    constexpr std::int32_t kNoBar = -2;
    bar_at_.reserve(grid.places());
    std::fill_n(bar_at_.data(), grid.places(), kNoBar);
    mask_.for_each_hole(ranks_[0], [&](Place birth, Place death, Place highest) {
      if (comparison_.key(highest) != low_) {  // else it has no length in C
        bar_at_[static_cast<std::size_t>(highest)] = static_cast<std::int32_t>(g.bars.size());
      }
      g.bars.push_back({birth, death, kUnmatched});
    });
    p.tree.build(ranks_[0], grid, sense, interrupt);
    if (g.bars.empty()) {
      sweep_own(p, sense, ranks_[0], interrupt);
      return;
    }
    mask_.rank_outside(ranks_[0], grid, ranks_[2]);
    const Ranks* const orders[] = {&ranks_[0], &ranks_[2]};
    const auto take = [&](Place meeting, const Place* dead) {
      const Key key = p.order.key(meeting);
      if (key == p.order.key(dead[0])) return;
      const auto number = static_cast<std::int32_t>(p.bars.size());
      p.bars.push_back(bar_at(sense, meeting, dead[0]));
      if (dead[1] == kNone || !keeps(sense, key, comparison_.key(dead[1]))) return;
      const std::int32_t there = bar_at_[static_cast<std::size_t>(dead[1])];
      if (there != kNoBar) match(number, there);
    };
    p.tree.sweep(orders, interrupt, take, &mask_.bringers(ranks_[0], grid));
  }

  void match_by_image(Sense sense, const Ranks* ranks, const Grid<D>& grid, Interrupt& interrupt) {
    // By extremum of C: whether it has a bar, and then which of P's bars maps there.
    constexpr std::int32_t kNoBar = -2;
    bar_at_.reserve(grid.places());
    std::fill_n(bar_at_.data(), grid.places(), kNoBar);
    const Ranks* const own[] = {&ranks[2]};
    tree_.sweep(own, interrupt, [&](Place meeting, const Place* dead) {
      if (comparison_.key(meeting) == comparison_.key(dead[0])) return;
      bar_at_[static_cast<std::size_t>(dead[0])] = kNone;
    });
    for (std::size_t k = 0; k < 2; ++k) {
      Side& side = sides_[k];
      const Ranks* const orders[] = {&ranks[k], &ranks[2]};
      side.tree.sweep(orders, interrupt, [&](Place meeting, const Place* dead) {
        const Key key = side.order.key(meeting);
        if (key == side.order.key(dead[0])) return;
        const auto number = static_cast<std::int32_t>(side.bars.size());
        side.bars.push_back(bar_at(sense, meeting, dead[0]));
        if (dead[1] == kNone || !keeps(sense, key, comparison_.key(dead[1]))) return;
        std::int32_t& there = bar_at_[static_cast<std::size_t>(dead[1])];
        if (there == kNoBar) return;
        if (k == 0) {
          there = number;
        } else {
          match(there, number);
        }
      });
    }
  }

  // A cell and what is known by it: a bar, or another cell.
  struct Link {
    std::uint32_t cell, to;
    bool operator<(const Link& other) const { return cell < other.cell; }
  };

  // Calls visit(a.to, b.to) for all links of the same cell.  Cells occur once in each.
  template <class Visit> static void join(std::vector<Link>& a, std::vector<Link>& b, Visit visit) {
    for (std::vector<Link>* links : {&a, &b}) {
      if (!std::is_sorted(links->begin(), links->end())) std::sort(links->begin(), links->end());
    }
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      if (a[i].cell == b[j].cell) visit(a[i].to, b[j].to);
      const bool step_a = a[i].cell <= b[j].cell, step_b = b[j].cell <= a[i].cell;
      i += step_a;
      j += step_b;
    }
  }

  void match_loops(const Grid<D>& grid, Interrupt& interrupt) {
    Loops& loops = loops_;
    const Lattice lattice(grid);
    const Ranks& common = ranks_[2];
    // Cells of C that stand for a bar: squares by their deaths, or edges by their births.
    loops.has_bar.assign(4 * grid.places(), false);
    loops.negative[1].build(common, grid, interrupt);
    loops.reduction.run(common, common, loops.negative[1], grid, interrupt,
                        [&](CellId edge, CellId square) {
      const Place birth = common.place(lattice.last_of_edge(edge, common));
      const Place death = common.place(lattice.last_of_square(square, common));
      if (comparison_.key(birth) == comparison_.key(death)) return;
      loops.has_bar[minimum_ ? square : edge] = true;
    });
    std::vector<Link> bars[2];  // by the cell of C
    for (std::size_t k = 0; k < 2; ++k) {
      Side& side = sides_[k];
      const Ranks& mine = ranks_[k];
      loops.negative[0].build(mine, grid, interrupt);

      std::vector<Link> own, image;  // by the cell of P or G
      loops.reduction.run(mine, mine, loops.negative[0], grid, interrupt,
                          [&](CellId edge, CellId square) {
        const Place birth = mine.place(lattice.last_of_edge(edge, mine));
        const Place death = mine.place(lattice.last_of_square(square, mine));
        if (side.order.key(birth) == side.order.key(death)) return;
        own.push_back({minimum_ ? edge : square, static_cast<std::uint32_t>(side.bars.size())});
        side.bars.push_back({birth, death, kUnmatched});
      });
      const Ranks &rows = minimum_ ? mine : common, &columns = minimum_ ? common : mine;
      const Order<Key>& births = minimum_ ? side.order : comparison_;
      const Order<Key>& deaths = minimum_ ? comparison_ : side.order;
      loops.reduction.run(rows, columns, loops.negative[minimum_ ? 1 : 0], grid, interrupt,
                          [&](CellId edge, CellId square) {
        if (!loops.has_bar[minimum_ ? square : edge]) return;
        const Key birth = births.key(rows.place(lattice.last_of_edge(edge, rows)));
        const Key death = deaths.key(columns.place(lattice.last_of_square(square, columns)));
        if (!keeps(Sense::up, death, birth)) return;
        image.push_back(minimum_ ? Link{edge, square} : Link{square, edge});
      });
      join(own, image, [&](std::uint32_t bar, std::uint32_t cell) { bars[k].push_back({cell, bar}); });
    }
    join(bars[0], bars[1], [&](std::uint32_t p, std::uint32_t g) {
      match(static_cast<std::int32_t>(p), static_cast<std::int32_t>(g));
    });
  }

  // Bars of P with their partners, then those of G that have none.
  void append(const Grid<D>& grid, std::vector<Match>& out) const {
    const auto ends = [&](const Bar& bar) {
      std::pair<std::int32_t, std::int32_t> pair{grid.index(bar.birth), grid.index(bar.death)};
      if (grid.reversed()) std::swap(pair.first, pair.second);
      return pair;
    };
    const auto none = std::make_pair(kUnmatched, kUnmatched);
    for (const Bar& bar : sides_[0].bars) {
      const auto [p_birth, p_death] = ends(bar);
      const auto [g_birth, g_death] =
          bar.partner < 0 ? none : ends(sides_[1].bars[static_cast<std::size_t>(bar.partner)]);
      out.push_back({p_birth, p_death, g_birth, g_death});
    }
    for (const Bar& bar : sides_[1].bars) {
      if (bar.partner >= 0) continue;
      const auto [g_birth, g_death] = ends(bar);
      out.push_back({kUnmatched, kUnmatched, g_birth, g_death});
    }
  }

  struct Loops {
    NegativeSquares negative[2];
    LoopReduction reduction;
    std::vector<bool> has_bar;  // by cell
  };
  struct Nothing {};

  bool minimum_ = true;  // C enters before P and G, rather than after
  bool proper_ = false;
  bool against_mask_ = false;
  Key low_ = 0, high_ = 0;  // of a G of two values
  std::array<Side, 2> sides_;
  Order<Key> comparison_;
  Ranks ranks_[3], reversed_[3];  // P, G, C
  MergeTree<D> tree_;
  MaskTarget mask_;
  std::vector<std::int32_t> bar_of_run_;
  Buffer<std::int32_t> bar_at_;
  std::conditional_t<D == 3, Loops, Nothing> loops_;
};

}  // namespace topoeval::matching
