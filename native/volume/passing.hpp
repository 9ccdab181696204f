// Loops that pass from one stage of an image of levels to another, in two orders of the levels at once.
//
// In the core's order there are three stages: a common one, which comes last or first; next to it the middle
// one, of level 1 or 2; and the rest, to which the other one of these levels belongs.  Marks are pivots in the
// common stage of columns of the middle one.  If the common stage is the last one, they are squares and this
// is cohomology: a column is an edge, to which later edges alone may be added.  If it is the first one, they are
// edges, and it is homology, with earlier squares.  Either way the columns of the rest, often the longest, are
// never added and left out.
//
// What order the rest has does not matter, and what the common stage is made of is the same in both
// orders: its words, its pairs of extrema and saddles, its reduced columns, on which those of either middle
// stage are put in turn.  A word depends on the order only at a contact (contacts.hpp).  Of the two trees
// the near one grows from the common stage on: it needs no word of the rest, so every voxel can have the word
// of the order in which its level is the middle one, and paths are traced once for both orders.  The far tree
// begins with the rest and is grown for either order, the second time without the common stage.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "loops.hpp"

namespace topoeval::volume {

template <class Key> struct Stages {
  bool by_squares;  // the common stage is the last one
  Key middle[2];    // in the first order, and in the second

  Stages(Passing passing, bool reversed)
      : by_squares((passing == Passing::into_zero) != reversed) {
    const Key level = passing == Passing::into_zero ? 1 : 2;
    middle[0] = reversed ? level : static_cast<Key>(~level);
    middle[1] = exchanged(middle[0]);
  }

  bool common(Key key) const { return by_squares ? key > middle[0] : key < middle[0]; }

  // Levels 1 and 2 change places: of all keys only theirs end in two unlike bits.
  static Key exchanged(Key key) {
    return static_cast<Key>(key ^ (Key{3} & -static_cast<Key>((key ^ key >> 1) & 1)));
  }

  // No column meets other cells of the near tree's kind.
  Listed<Key> listed() const {
    Listed<Key> listed;
    (by_squares ? listed.first_square : listed.last_edge) = middle[1];
    return listed;
  }

  // Saddles of the near tree that belong to one of the orders.
  struct Near {
    const Stages& stages;
    int side;
    Key order(Key key) const { return key; }
    bool take(Key key) const { return stages.common(key) || key == stages.middle[side]; }
  };
  // Those of the far tree in the second order, as far as they are not known from the first.
  struct Far {
    const Stages& stages;
    Key order(Key key) const { return exchanged(key); }
    bool take(Key key) const { return !stages.common(key); }
  };
};

template <class Key> class PassingPairing {
 public:
  // gradient: computed for the first order, with what stages.listed() lists.
  PassingPairing(Gradient<Key>& gradient, ExtremumPairing<Key>& minima,
                 ExtremumPairing<Key>& maxima, const Grid& grid, const Stages<Key>& stages,
                 Team& team)
      : gradient_(gradient),
        near_tree_(stages.by_squares ? maxima : minima),
        far_tree_(stages.by_squares ? minima : maxima),
        grid_(grid),
        stages_(stages),
        team_(team) {}

  // Which critical cells have a part in loops.  contacts: indices.
  void find_cells(const std::vector<std::int64_t>& contacts) {
    for (const std::int64_t index : contacts) {
      const Place place = grid_.place(index);
      contacts_.push_back({place, second_word(place)});
      gradient_.admit(place, contacts_.back().word);
    }
    gradient_.number();

    trace(far_tree_, EverySaddle<Key>{});
    exchange(1);
    trace(near_tree_, EverySaddle<Key>{});
    const auto nothing = [](Place, Place) {};
    Interrupt& interrupt = team_.interrupt();
    team_.run(2, [&](std::int64_t task, int) {
      if (task == 1) {
        far_tree_.pair(gradient_, interrupt, nothing);
        return;
      }
      for (const int side : {0, 1}) {
        near_tree_.pair(gradient_, interrupt, nothing, typename Stages<Key>::Near{stages_, side});
      }
    });
    take(far_tree_, far_, [&](Key key) { return stages_.common(key) || key == stages_.middle[0]; });
    exchange(0);
    const typename Stages<Key>::Far second{stages_};
    trace(far_tree_, second);
    far_tree_.pair(gradient_, interrupt, nothing, second);
    take(far_tree_, far_, [&](Key key) { return key == stages_.middle[1]; });
    exchange(0);
    take(near_tree_, near_, [](Key) { return true; });
    if (stages_.by_squares) return;
    for (std::size_t i = 0; i < near_tree_.size(); ++i) {
      const Saddle& edge = near_tree_.saddle(i);
      gradient_.make_negative_if(edge.joins, edge.place, edge.cell);
    }
  }

  // How many cells of the kind there are more of.
  std::size_t most_cells() const { return std::max(near_.size(), far_.size()); }

  // False if that would take more steps than the budget; the gradient serves nothing after this.
  bool reduce(bool wide_entries, std::int64_t budget, std::vector<Arena>& arenas,
              PassingLoops& out) {
    // As all loops die, those alive at the border of the common stage are as many as its cells of one
    // kind are more than those of the other.
    out.alive = 0;
    for (const Column& cell : near_) out.alive += stages_.common(key(cell));
    for (const Column& cell : far_) out.alive -= stages_.common(key(cell));
    if (stages_.by_squares) {
      using Entry = std::conditional_t<sizeof(Key) == 4, PackedEntry<4>, WideEntry>;
      return wide_entries || grid_.places() > Entry::kMaxPlaces
                 ? dual<WideEntry>(budget, arenas, out)
                 : dual<Entry>(budget, arenas, out);
    }
    using Entry = std::conditional_t<sizeof(Key) == 4, PackedEntry<6>, WideEntry>;
    return wide_entries || grid_.places() > Entry::kMaxPlaces
               ? primal<WideEntry>(budget, arenas, out)
               : primal<Entry>(budget, arenas, out);
  }

 private:
  struct Contact {
    Place place;
    std::uint32_t word;  // the one that the gradient has not
  };

  Key key(const Column& cell) const { return gradient_.voxels()[cell.place].key; }

  // Neighbours of the other middle stage are lower instead of higher, or the other way round.
  std::uint32_t second_word(Place place) const {
    const Voxel<Key>* voxels = gradient_.voxels();
    const Key other = Stages<Key>::exchanged(voxels[place].key);
    std::uint32_t lower = voxels[place].lower();
    for (int n = 0; n < kNeighbours; ++n) {
      lower ^= std::uint32_t{voxels[place + grid_.offset(n)].key == other} << n;
    }
    const std::uint32_t edges = lower & kEdgeBits;
    return lower | (edges & (edges - 1)) << kPositiveShift;
  }

  // Changes the words of the contacts of one middle stage for their other ones.
  void exchange(int side) {
    for (Contact& contact : contacts_) {
      if (gradient_.voxels()[contact.place].key != stages_.middle[side]) continue;
      contact.word = gradient_.exchange(grid_, contact.place, contact.word);
    }
  }

  template <class Rule> void trace(ExtremumPairing<Key>& tree, Rule rule) {
    tree.prepare(gradient_, grid_.places());
    team_.run(static_cast<std::int64_t>(gradient_.slabs.size()), [&](std::int64_t slab, int) {
      tree.trace(gradient_, grid_, gradient_.slabs[static_cast<std::size_t>(slab)],
                 team_.interrupt(), rule);
    });
  }

  // Those of the wanted keys that join nothing.
  template <class Wanted>
  void take(const ExtremumPairing<Key>& tree, std::vector<Column>& cells, Wanted wanted) const {
    for (std::size_t i = 0; i < tree.size(); ++i) {
      const Column cell{tree.saddle(i).place, tree.saddle(i).cell};
      if (!tree.saddle(i).joins && wanted(key(cell))) cells.push_back(cell);
    }
  }

  template <class Entry>
  bool dual(std::int64_t budget, std::vector<Arena>& arenas, PassingLoops& out) {
    const DualFlow<Key, Entry> flow(gradient_, grid_, far_, near_, team_);
    for (Contact& contact : contacts_) contact.word = StarSquares(0).word();
    return reduce(flow, budget, arenas, out);
  }

  template <class Entry>
  bool primal(std::int64_t budget, std::vector<Arena>& arenas, PassingLoops& out) {
    const PrimalFlow<Key, Entry> flow(gradient_, grid_, near_, far_);
    return reduce(flow, budget, arenas, out);
  }

  template <class Flow>
  bool reduce(const Flow& flow, std::int64_t budget, std::vector<Arena>& arenas,
              PassingLoops& out) {
    Reduction<Flow> reduction(flow, budget, arenas);
    const auto run = [&](auto wanted) {
      return reduction.run(
          order_by_tiles(far_, grid_, [&](const Column& cell) { return wanted(key(cell)); }),
          team_);
    };
    if (!run([&](Key k) { return stages_.common(k); })) return false;
    for (const int side : {0, 1}) {
      const Key middle = stages_.middle[side];
      // Cohomology comes to the squares of a voxel from its neighbours.  Those of the other middle stage are
      // of no concern here, but they have the words of the other order: that of no square instead.
      if (stages_.by_squares) swap_words(1 - side);
      if (!run([&](Key k) { return k == middle; })) return false;
      std::vector<std::int64_t>& marks = out.marks[side];
      marks.clear();
      reduction.owners(
          near_.size(), [&](std::size_t i) { return flow.slot_of(near_[i]); },
          [&](std::size_t i, std::uint32_t column) {
            const Column& mark = near_[i];
            if (!stages_.common(key(mark)) || key(far_[column]) != middle) return;
            marks.push_back(std::int64_t{grid_.index(mark.place)} << 4 | mark.cell);
          });
      std::sort(marks.begin(), marks.end());
      if (stages_.by_squares) swap_words(1 - side);
      if (side == 0) reduction.disown([&](std::uint32_t column) { return key(far_[column]) == middle; });
    }
    return true;
  }

  void swap_words(int side) {
    for (Contact& contact : contacts_) {
      Voxel<Key>& voxel = gradient_.voxels()[contact.place];
      if (voxel.key == stages_.middle[side]) std::swap(voxel.bits, contact.word);
    }
  }

  Gradient<Key>& gradient_;
  ExtremumPairing<Key>&near_tree_, &far_tree_;
  const Grid& grid_;
  const Stages<Key>& stages_;
  Team& team_;
  std::vector<Contact> contacts_;
  // Cells that may be marks, in raster order, and columns.
  std::vector<Column> near_, far_;
};

}  // namespace topoeval::volume
