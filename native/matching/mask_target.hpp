// Maps against a mask: what the mask's components and holes tell without a sweep of their own.
//
// G takes two values, its foreground F the lower one, and no value of P lies outside them; so does a training's
// target. C is the lesser of P and G (the union), in two dimensions, and the outside comes last (V).  Then:
//
// - Bars of G with a length are components of F and bounded components of the rest, its holes.  Beyond F
//   voxels enter in raster order, so all before a voxel hang together: a component of F ends at the first
//   voxel outside F that touches it, and a hole begins at the voxel below and right of its last one.
// - C is F, then the rest in the order of P.  Bars of P and G match in dimension 0 where two components of C
//   meet that both hold voxels of F: for G it is the one with the later first voxel that dies.  These
//   meetings are found on P's basins: a voxel of F stands for its component, any other one for the minimum
//   of P that its path leads to.  Paths may cross F: where they enter it, a voxel beside F is visited
//   and joins the two.  A minimum of P beside F or in it is none of C and belongs to the component it touches.
// - A hole's bar has its death in C at the hole's highest voxel in P, as nothing but F surrounds it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "merge_tree.hpp"

namespace topoeval::matching {

class MaskTarget {
 public:
  struct Component {
    Place birth, death;  // of its bar
    std::int32_t run;    // the first one
  };

  // Foreground is where g has the key `low`.
  template <class Key> void label(const Order<Key>& g, Key low, const Grid<2>& grid) {
    row_ = grid.row();
    run_at_.reserve(grid.places());
    std::fill_n(run_at_.data(), grid.places(), 0);
    runs_.assign(1, {0, 0, false});  // what is outside
    parent_.assign(1, 0);
    rows_.clear();
    rows_.push_back(1);
    grid.for_each_row([&](Place first, std::int64_t y) {
      const Place end = first + static_cast<Place>(grid.width());
      find_runs(g, low, first, end);
      const bool at_border = y == 0 || y + 1 == grid.height();
      for (auto i = rows_.back(); i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        if (!run.foreground && (at_border || run.begin == first || run.end == end)) {
          join(0, static_cast<std::int32_t>(i));
        }
      }
      if (y > 0) touch(rows_[rows_.size() - 2], rows_.back());
      rows_.push_back(runs_.size());
    });
    // A run's root comes before it.
    for (auto& parent : parent_) parent = parent_[static_cast<std::size_t>(parent)];
    find_components(grid);
  }

  // Bars of dimension 0 but for the one that never dies, by ascending deaths.
  const std::vector<Component>& components() const { return components_; }
  std::size_t runs() const { return runs_.size(); }
  // The first voxel of the foreground, or of all.
  Place first() const { return first_; }
  // The run of a place, as components know it.
  std::int32_t run_of(Place place) const {
    return parent_[static_cast<std::size_t>(run_at_[static_cast<std::size_t>(place)])];
  }

  // Calls visit(birth, death, highest) for the bar of every hole, by descending births; highest is its
  // highest voxel by rank.
  template <class Visit> void for_each_hole(const Ranks& ranks, Visit visit) {
    highest_.assign(runs_.size(), 0);
    for (std::size_t i = 1; i < runs_.size(); ++i) {
      if (!runs_[i].foreground && parent_[i] != 0) raise(highest_, i, ranks);
    }
    for (std::size_t i = runs_.size(); i-- > 1;) {
      std::int32_t& highest = highest_[static_cast<std::size_t>(parent_[i])];
      if (runs_[i].foreground || parent_[i] == 0 || highest == 0) continue;
      const Place last = runs_[i].end - 1;
      visit(last + row_ + 1, last, ranks.place(static_cast<std::uint32_t>(highest)));
      highest = 0;
    }
  }

  // P's ranks outside the foreground, and none in it: of two cells with voxels outside the one that is
  // older in C is so in this order, too.
  void rank_outside(const Ranks& ranks, const Grid<2>& grid, Ranks& out) const {
    out.build_without(ranks, grid, [&](std::int32_t* rank) {
      for (const Run& run : runs_) {
        if (run.foreground) std::fill(rank + run.begin, rank + run.end, 0);
      }
    });
  }

  // Voxels that may bring a component of P, swept downwards, a cell that is older in C than any before:
  // those beside the foreground, or in it and beside what is outside, with no older neighbour outside.
  // With such a neighbour the cells of both hang together, and it is older than all that enters here.
  const std::vector<Place>& bringers(const Ranks& ranks, const Grid<2>& grid) {
    bringers_.clear();
    const std::int32_t* rank = ranks.data();
    const auto ask = [&](Place v) {
      for (const Place step : grid.neighbour) {
        if (rank[v + step] > rank[v] && !in_foreground(v + step)) return;
      }
      bringers_.push_back(v);
    };
    for (std::size_t y = 0; y + 1 < rows_.size(); ++y) {
      for (std::size_t i = rows_[y] + 1; i < rows_[y + 1]; ++i) {
        ask(runs_[i].begin - 1);
        ask(runs_[i].begin);
      }
      if (y + 2 >= rows_.size()) continue;
      for_each_contact(rows_[y], rows_[y + 1], rows_[y + 2], [](const Run&) { return 1; },
                       [&](std::size_t a, std::size_t b) {
        const Run &above = runs_[a], &below = runs_[b];
        if (above.foreground == below.foreground) return;
        const Place end_above = std::min(above.end, below.end - row_ + 1);
        for (Place v = std::max(above.begin, below.begin - row_ - 1); v < end_above; ++v) ask(v);
        const Place end_below = std::min(below.end, above.end + row_ + 1);
        for (Place v = std::max(below.begin, above.begin + row_ - 1); v < end_below; ++v) ask(v);
      });
    }
    return bringers_;
  }

  // Calls visit(meeting, oldest of P, first of F) where two components of C with foreground meet: what
  // dies there of each.  The tree is P's, upwards, and has been swept in its own order.
  template <class Visit>
  void sweep(const MergeTree<2>& tree, const Ranks& ranks, const Grid<2>& grid, Interrupt& interrupt,
             Visit visit) {
    std::size_t left = components_.size();  // meetings to come
    if (left == 0) return;
    make_nodes(tree, ranks, grid);
    choose_visits(tree, ranks);
    for (std::size_t word = visits_.size(); word-- > 0;) {
      if (word % 1024 == 0) interrupt.poll();
      for (std::uint64_t bits = visits_[word]; bits != 0;) {
        const int bit = volume::highest_bit(bits);
        bits ^= std::uint64_t{1} << bit;
        const auto rank = static_cast<std::int32_t>(word * 64 + static_cast<std::size_t>(bit));
        const Place v = ranks.place(static_cast<std::uint32_t>(rank));
        if (in_foreground(v)) continue;
        std::int32_t own = -1;
        for (const Place step : grid.edge) {
          const Place u = v + step;
          const bool inside = in_foreground(u);
          if (!inside && ranks.data()[u] <= rank) continue;
          const std::int32_t other = find(inside ? run_at_[static_cast<std::size_t>(u)]
                                                 : node_of(tree.node_at(u)));
          if (own < 0) {
            own = other;
            Node& node = nodes_[index(own)];
            node.oldest = std::max(node.oldest, rank);
          } else if (own != other) {
            own = meet(own, other, v, ranks, visit, left);
          }
        }
        if (left == 0) return;
      }
    }
  }

 private:
  struct Run {
    Place begin, end;
    bool foreground;
  };
  struct Node {
    std::int32_t parent;
    std::int32_t oldest;  // rank in P
    Place first;          // voxel of F
  };
  static constexpr Place kNoForeground = std::numeric_limits<Place>::max();

  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  bool in_foreground(Place place) const {
    return runs_[index(run_at_[static_cast<std::size_t>(place)])].foreground;
  }
  std::int32_t node_of(std::int32_t label) const {
    return static_cast<std::int32_t>(runs_.size()) + label;
  }

  template <class Key>
  void find_runs(const Order<Key>& g, Key low, Place first, Place end) {
    for (Place v = first; v < end;) {
      const bool foreground = g.key(v) == low;
      Place next = v + 1;
      while (next < end && (g.key(next) == low) == foreground) ++next;
      const auto number = static_cast<std::int32_t>(runs_.size());
      std::fill(run_at_.data() + v, run_at_.data() + next, number);
      runs_.push_back({v, next, foreground});
      parent_.push_back(number);
      v = next;
    }
  }

  // Calls visit(run above, run below) for runs of two rows, [above, below) and [below, end), that share a
  // side, or a corner if `corner` says so of the run below.
  template <class Corner, class Visit>
  void for_each_contact(std::size_t above, std::size_t below, std::size_t end, Corner corner,
                        Visit visit) const {
    for (std::size_t i = above, j = below; j < end; ++j) {
      const Place more = corner(runs_[j]);
      const Place begin = runs_[j].begin - row_ - more, stop = runs_[j].end - row_ + more;
      while (i < below && runs_[i].end <= begin) ++i;
      for (std::size_t k = i; k < below && runs_[k].begin < stop; ++k) visit(k, j);
    }
  }

  // Joins runs of one kind; the rest touches in corners, too.
  void touch(std::size_t above, std::size_t below) {
    for_each_contact(above, below, runs_.size(),
                     [](const Run& run) { return run.foreground ? 0 : 1; },
                     [&](std::size_t a, std::size_t b) {
      if (runs_[a].foreground == runs_[b].foreground) {
        join(static_cast<std::int32_t>(a), static_cast<std::int32_t>(b));
      }
    });
  }

  void join(std::int32_t a, std::int32_t b) {
    a = root(a), b = root(b);
    parent_[index(std::max(a, b))] = std::min(a, b);
  }
  std::int32_t root(std::int32_t run) {
    while (parent_[index(run)] != run) run = parent_[index(run)] = parent_[index(parent_[index(run)])];
    return run;
  }

  void find_components(const Grid<2>& grid) {
    components_.clear();
    first_ = grid.row_begin(0, 0);
    joined_.assign(runs_.size(), false);
    std::int32_t oldest = 0;  // the run of the first voxel of what hangs together; 0 is none
    if (runs_[1].foreground) {
      oldest = 1;
      joined_[1] = true;
    }
    const auto reach = [&](std::size_t run, Place at) {
      const std::int32_t found = parent_[run];
      if (joined_[index(found)]) return;
      joined_[index(found)] = true;
      if (oldest != 0) {
        const std::int32_t younger = std::max(oldest, found);
        components_.push_back({runs_[index(younger)].begin, at, younger});
      }
      oldest = oldest == 0 ? found : std::min(oldest, found);
    };
    for (std::size_t y = 0; y + 1 < rows_.size(); ++y) {
      const std::size_t end = rows_[y + 1], below_end = y + 2 < rows_.size() ? rows_[y + 2] : end;
      std::size_t k = end;
      for (std::size_t i = rows_[y]; i < end; ++i) {
        const Run& run = runs_[i];
        if (run.foreground) continue;
        while (k < below_end && runs_[k].end - row_ <= run.begin) ++k;
        for (std::size_t j = k; j < below_end && runs_[j].begin - row_ < run.end; ++j) {
          if (runs_[j].foreground) reach(j, std::max(run.begin, runs_[j].begin - row_));
        }
        if (i + 1 < end) reach(i + 1, run.end - 1);
      }
    }
    if (oldest != 0) first_ = runs_[index(oldest)].begin;
  }

  // The highest rank in a run, for its root.
  void raise(std::vector<std::int32_t>& highest, std::size_t run, const Ranks& ranks) const {
    const std::int32_t* rank = ranks.data();
    std::int32_t best = 0;
    for (Place v = runs_[run].begin; v < runs_[run].end; ++v) best = std::max(best, rank[v]);
    std::int32_t& known = highest[index(parent_[run])];
    known = std::max(known, best);
  }

  // Runs, then minima of P.
  void make_nodes(const MergeTree<2>& tree, const Ranks& ranks, const Grid<2>& grid) {
    highest_.assign(runs_.size(), 0);
    for (std::size_t i = 1; i < runs_.size(); ++i) {
      if (runs_[i].foreground) raise(highest_, i, ranks);
    }
    nodes_.clear();
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      nodes_.push_back({parent_[i], highest_[i],
                        runs_[i].foreground ? runs_[index(parent_[i])].begin : kNoForeground});
    }
    for (const Place minimum : tree.extrema()) {
      auto node = static_cast<std::int32_t>(nodes_.size());
      if (in_foreground(minimum)) {
        node = run_of(minimum);
      } else if (minimum != 0) {  // which is outside
        for (const Place step : grid.edge) {
          if (!in_foreground(minimum + step)) continue;
          node = run_of(minimum + step);
          break;
        }
      }
      nodes_.push_back({node, ranks.data()[minimum], kNoForeground});
    }
  }

  // Where P's components may meet, and beside the foreground.
  void choose_visits(const MergeTree<2>& tree, const Ranks& ranks) {
    visits_ = tree.visits();
    const std::int32_t* rank = ranks.data();
    const auto take = [&](Place v) {
      const auto at = static_cast<std::uint32_t>(rank[v]);
      visits_[at / 64] |= std::uint64_t{1} << (at % 64);
    };
    for (std::size_t y = 0; y + 1 < rows_.size(); ++y) {
      for (std::size_t i = rows_[y]; i < rows_[y + 1]; ++i) {
        if (runs_[i].foreground) continue;
        if (i > rows_[y]) take(runs_[i].begin);
        if (i + 1 < rows_[y + 1]) take(runs_[i].end - 1);
      }
      if (y + 2 >= rows_.size()) continue;
      for_each_contact(rows_[y], rows_[y + 1], rows_[y + 2], [](const Run&) { return 0; },
                       [&](std::size_t a, std::size_t b) {
        if (runs_[a].foreground == runs_[b].foreground) return;
        const Place begin = std::max(runs_[a].begin, runs_[b].begin - row_);
        const Place end = std::min(runs_[a].end, runs_[b].end - row_);
        const Place shift = runs_[a].foreground ? row_ : 0;
        for (Place v = begin; v < end; ++v) take(v + shift);
      });
    }
  }

  std::int32_t find(std::int32_t node) {
    while (nodes_[index(node)].parent != node) {
      std::int32_t& parent = nodes_[index(node)].parent;
      node = parent = nodes_[index(parent)].parent;
    }
    return node;
  }

  template <class Visit>
  std::int32_t meet(std::int32_t a, std::int32_t b, Place at, const Ranks& ranks, Visit& visit,
                    std::size_t& left) {
    Node &to = nodes_[index(a)], &from = nodes_[index(b)];
    if (to.first != kNoForeground && from.first != kNoForeground) {
      const auto oldest = static_cast<std::uint32_t>(std::min(to.oldest, from.oldest));
      visit(at, ranks.place(oldest), std::max(to.first, from.first));
      --left;
    }
    to.oldest = std::max(to.oldest, from.oldest);
    to.first = std::min(to.first, from.first);
    from.parent = a;
    return a;
  }

  Place row_ = 0, first_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> rows_;     // where the runs of a row begin
  std::vector<std::int32_t> parent_;  // by run, later its root: the first run of the component
  std::vector<bool> joined_;
  Buffer<std::int32_t> run_at_;       // by place
  std::vector<std::int32_t> highest_;
  std::vector<Component> components_;
  std::vector<Node> nodes_;
  std::vector<Place> bringers_;
  std::vector<std::uint64_t> visits_;
};

}  // namespace topoeval::matching
