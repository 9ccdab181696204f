// The matching of one pair of images or volumes: barcodes with image barcodes, joined.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "loops.hpp"
#include "matching.hpp"
#include "merge_tree.hpp"

namespace topoeval::matching {

template <class Key, int D> class Matcher {
 public:
  void run(const Field<Key>& p, const Field<Key>& g, const Request& request, Comparison comparison,
           Interrupt& interrupt, Matching& out) {
    const bool dual = request.construction == Construction::top_cells;
    const Grid<D> grid(p.depth(), p.height(), p.width(), dual);
    minimum_ = (comparison == Comparison::union_) != dual;
    sides_[0].order.load(p, grid, interrupt);
    sides_[1].order.load(g, grid, interrupt);
    comparison_.combine(sides_[0].order, sides_[1].order, minimum_, grid);

    const auto dim_of = [&](int core_dim) { return dual ? D - 1 - core_dim : core_dim; };
    for (int core_dim = 0; core_dim < D; ++core_dim) {
      const int dim = dim_of(core_dim);
      if (!request.wants(dim)) continue;
      std::vector<Match>& matches = out.matches[dim];
      for (Side& side : sides_) side.bars.clear();
      if (core_dim == 0 || core_dim == D - 1) {
        match_extrema(core_dim == 0 ? Sense::up : Sense::down, grid, interrupt);
        if (dim == 0) {  // the same class in any two filtrations of a whole
          const auto oldest = [&](Side& side) { return grid.index(side.tree.survivor()); };
          matches.push_back({oldest(sides_[0]), kNever, oldest(sides_[1]), kNever});
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
    MergeTree<Key, D> tree;
    std::vector<Bar> bars;
    std::vector<std::int32_t> bar_of_node;
    std::vector<Place> image;  // by bar: the extremum of C that stands for the bar of C
  };

  void match(std::int32_t p, std::int32_t g) {
    if (p < 0 || g < 0) return;
    sides_[0].bars[static_cast<std::size_t>(p)].partner = g;
    sides_[1].bars[static_cast<std::size_t>(g)].partner = p;
  }

  void match_extrema(Sense sense, const Grid<D>& grid, Interrupt& interrupt) {
    for (Side& side : sides_) side.tree.build(side.order, grid, sense, interrupt);
    // Deaths of H0 and births of the top dimension are where components meet.  Where image bars
    // have these in C, C is swept with the extrema of P and G; else P and G with those of C.
    if ((sense == Sense::up) == minimum_) {
      match_in_comparison(sense, grid, interrupt);
    } else {
      match_by_image(sense, grid, interrupt);
    }
  }

  static Bar bar_at(Sense sense, Place meeting, Place extremum) {
    return sense == Sense::up ? Bar{extremum, meeting, kUnmatched} : Bar{meeting, extremum, kUnmatched};
  }

  // Whether a bar from or to a meeting in one order has a length, its extremum in another order.
  static bool has_length(Sense sense, Key meeting, Key extremum) {
    return sense == Sense::up ? extremum < meeting : meeting < extremum;
  }

  void match_in_comparison(Sense sense, const Grid<D>& grid, Interrupt& interrupt) {
    for (Side& side : sides_) {
      side.bar_of_node.assign(side.tree.extrema().size(), kNone);
      const Family<Key> own[] = {{&side.order, nullptr}};
      side.tree.sweep(own, interrupt, [&](Place meeting, const Place* dead) {
        if (side.order.key(meeting) == side.order.key(dead[0])) return;
        side.bar_of_node[static_cast<std::size_t>(side.tree.node_at(dead[0]))] =
            static_cast<std::int32_t>(side.bars.size());
        side.bars.push_back(bar_at(sense, meeting, dead[0]));
      });
    }
    tree_.build(comparison_, grid, sense, interrupt);
    const Family<Key> both[] = {{&sides_[0].order, &sides_[0].tree.extrema()},
                                {&sides_[1].order, &sides_[1].tree.extrema()}};
    tree_.sweep(both, interrupt, [&](Place meeting, const Place* dead) {
      std::int32_t bar[2] = {kNone, kNone};
      for (int k = 0; k < 2; ++k) {
        const Side& side = sides_[static_cast<std::size_t>(k)];
        if (dead[k] != kNone && has_length(sense, comparison_.key(meeting), side.order.key(dead[k]))) {
          bar[k] = side.bar_of_node[static_cast<std::size_t>(side.tree.node_at(dead[k]))];
        }
      }
      match(bar[0], bar[1]);
    });
  }

  void match_by_image(Sense sense, const Grid<D>& grid, Interrupt& interrupt) {
    extrema_.clear();
    find_extrema(comparison_, grid, sense, extrema_);
    for (Side& side : sides_) {
      side.image.clear();
      const Family<Key> families[] = {{&side.order, nullptr}, {&comparison_, &extrema_}};
      side.tree.sweep(families, interrupt, [&](Place meeting, const Place* dead) {
        const Key key = side.order.key(meeting);
        if (key == side.order.key(dead[0])) return;
        const bool real = dead[1] != kNone && has_length(sense, key, comparison_.key(dead[1]));
        side.bars.push_back(bar_at(sense, meeting, dead[0]));
        side.image.push_back(real ? dead[1] : kNone);
      });
    }
    bar_at_.reserve(grid.places());
    for (const Place extremum : extrema_) bar_at_[static_cast<std::size_t>(extremum)] = kNone;
    for (std::size_t i = 0; i < sides_[0].image.size(); ++i) {
      const Place extremum = sides_[0].image[i];
      if (extremum != kNone) bar_at_[static_cast<std::size_t>(extremum)] = static_cast<std::int32_t>(i);
    }
    for (std::size_t i = 0; i < sides_[1].image.size(); ++i) {
      const Place extremum = sides_[1].image[i];
      if (extremum != kNone) {
        match(bar_at_[static_cast<std::size_t>(extremum)], static_cast<std::int32_t>(i));
      }
    }
  }

  // A cell and what is known by it: a bar, or another cell.
  struct Link {
    std::uint32_t cell, to;
    bool operator<(const Link& other) const { return cell < other.cell; }
  };

  // Calls visit(a.to, b.to) for all links of the same cell.  Cells occur once in each.
  template <class Visit> static void join(std::vector<Link>& a, std::vector<Link>& b, Visit visit) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      if (a[i].cell == b[j].cell) visit(a[i].to, b[j].to);
      const bool step_a = a[i].cell <= b[j].cell, step_b = b[j].cell <= a[i].cell;
      i += step_a;
      j += step_b;
    }
  }

  void match_loops(const Grid<D>& grid, Interrupt& interrupt) {
    Loops& loops = loops_;
    loops.ranks[2].build(comparison_, grid);
    if (minimum_) loops.negative[1].build(loops.ranks[2], grid, interrupt);
    std::vector<Link> bars[2];  // by the cell of C
    for (std::size_t k = 0; k < 2; ++k) {
      Side& side = sides_[k];
      loops.ranks[k].build(side.order, grid);
      loops.negative[0].build(loops.ranks[k], grid, interrupt);

      std::vector<Link> own, image;  // by the cell of P or G
      const Ranks &mine = loops.ranks[k], &common = loops.ranks[2];
      loops.reduction.run(mine, mine, loops.negative[0], grid, interrupt,
                          [&](std::uint32_t edge, std::uint32_t square) {
        const Place birth = mine.place(edge >> kEdgeBits), death = mine.place(square >> kSquareBits);
        if (side.order.key(birth) == side.order.key(death)) return;
        own.push_back({minimum_ ? edge : square, static_cast<std::uint32_t>(side.bars.size())});
        side.bars.push_back({birth, death, kUnmatched});
      });
      const Ranks &rows = minimum_ ? mine : common, &columns = minimum_ ? common : mine;
      const Order<Key>& births = minimum_ ? side.order : comparison_;
      const Order<Key>& deaths = minimum_ ? comparison_ : side.order;
      loops.reduction.run(rows, columns, loops.negative[minimum_ ? 1 : 0], grid, interrupt,
                          [&](std::uint32_t edge, std::uint32_t square) {
        const Key birth = births.key(rows.place(edge >> kEdgeBits));
        if (!(birth < deaths.key(columns.place(square >> kSquareBits)))) return;
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
    Ranks ranks[3];  // P, G, C
    NegativeSquares negative[2];
    LoopReduction reduction;
  };
  struct Nothing {};

  bool minimum_ = true;  // C enters before P and G, rather than after
  std::array<Side, 2> sides_;
  Order<Key> comparison_;
  MergeTree<Key, D> tree_;
  std::vector<Place> extrema_;
  Buffer<std::int32_t> bar_at_;
  std::conditional_t<D == 3, Loops, Nothing> loops_;
};

}  // namespace topoeval::matching
