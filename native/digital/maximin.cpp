#include "maximin.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "../common/keys.hpp"
#include "../common/radix_sort.hpp"
#include "../common/team.hpp"

namespace topoeval::digital {
namespace {

constexpr std::int64_t kStepsPerPoll = 16384;

struct Count {
  std::int32_t label;
  std::int64_t voxels;
};

bool before(const Count& a, const Count& b) { return a.label < b.label; }

struct Joined {
  std::int64_t same = 0, other = 0;
};

// How many voxels of each label a tree has.
class Census {
 public:
  std::size_t labels() const { return counts_.size(); }

  // Takes all voxels of the other in and returns the pairs of one voxel of each.
  Joined take(const Census& more) {
    Joined joined;
    const auto known = static_cast<std::ptrdiff_t>(counts_.size());
    for (const Count& count : more.counts_) {
      const auto end = counts_.begin() + known;
      const auto at = std::lower_bound(counts_.begin(), end, count, before);
      if (at != end && at->label == count.label) {
        joined.same += at->voxels * count.voxels;
        at->voxels += count.voxels;
      } else {
        counts_.push_back(count);
      }
    }
    std::inplace_merge(counts_.begin(), counts_.begin() + known, counts_.end(), before);
    joined.other = total_ * more.total_ - joined.same;
    total_ += more.total_;
    return joined;
  }

  void forget() { std::vector<Count>().swap(counts_); }

  static Census of_one(std::int32_t label) {
    Census one;
    if (label > 0) {
      one.counts_.push_back({label, 1});
      one.total_ = 1;
    }
    return one;
  }

 private:
  std::vector<Count> counts_;  // by rising label
  std::int64_t total_ = 0;
};

// Trees of voxels, by number.
class Forest {
 public:
  std::int32_t plant(std::int32_t label) {
    parents_.push_back(static_cast<std::int32_t>(parents_.size()));
    censuses_.push_back(Census::of_one(label));
    return parents_.back();
  }

  std::int32_t find(std::int32_t tree) {
    while (parents_[index(tree)] != tree) {
      std::int32_t& parent = parents_[index(tree)];
      parent = parents_[index(parent)];
      tree = parent;
    }
    return tree;
  }

  // Joins two trees; returns the one that is left, and adds to the pairs.
  std::int32_t join(std::int32_t a, std::int32_t b, Joined& joined) {
    if (censuses_[index(a)].labels() < censuses_[index(b)].labels()) std::swap(a, b);
    const Joined more = censuses_[index(a)].take(censuses_[index(b)]);
    censuses_[index(b)].forget();
    parents_[index(b)] = a;
    joined.same += more.same;
    joined.other += more.other;
    return a;
  }

  void add(std::int32_t tree, std::int32_t label, Joined& joined) {
    if (label <= 0) return;
    const Joined more = censuses_[index(tree)].take(Census::of_one(label));
    joined.same += more.same;
    joined.other += more.other;
  }

 private:
  static std::size_t index(std::int32_t tree) { return static_cast<std::size_t>(tree); }

  std::vector<std::int32_t> parents_;
  std::vector<Census> censuses_;
};

// Calls visit(neighbour) for the voxels of the map that touch the one at an index.
template <class Visit>
void each_neighbour(const std::int64_t (&sides)[3], std::int64_t index, bool corners, Visit visit) {
  const std::int64_t x = index % sides[2], y = index / sides[2] % sides[1],
                     z = index / (sides[2] * sides[1]);
  const auto low = [](std::int64_t at) { return at > 0 ? -1 : 0; };
  const auto high = [](std::int64_t at, std::int64_t side) { return at + 1 < side ? 1 : 0; };
  for (int dz = low(z); dz <= high(z, sides[0]); ++dz) {
    for (int dy = low(y); dy <= high(y, sides[1]); ++dy) {
      for (int dx = low(x); dx <= high(x, sides[2]); ++dx) {
        const int steps = dz * dz + dy * dy + dx * dx;
        if (steps == 0 || (steps > 1 && !corners)) continue;
        visit(index + (dz * sides[1] + dy) * sides[2] + dx);
      }
    }
  }
}

template <class T> using Record = Keyed<typename KeyOf<T>::type>;

// The voxels in falling order of their keys.
template <class T>
std::vector<Record<T>> falling(const T* keys, std::int64_t size) {
  std::vector<Record<T>> records, scratch(static_cast<std::size_t>(size));
  records.reserve(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    // the complement of a key falls where the key rises
    records.push_back(Record<T>::make(~KeyOf<T>::of(keys[i]), static_cast<std::uint32_t>(i)));
  }
  if (radix_sort(records.data(), scratch.data(), records.size()) == scratch.data()) return scratch;
  return records;
}

template <class T>
void pairs_of_one(const T* keys, const std::int32_t* labels, const std::int64_t (&sides)[3],
                  bool corners, Interrupt& interrupt, std::int64_t* same, std::int64_t* other) {
  const std::int64_t size = sides[0] * sides[1] * sides[2];
  std::vector<std::int32_t> trees(static_cast<std::size_t>(size), -1);
  Forest forest;
  std::int64_t steps = 0;
  for (const auto& record : falling(keys, size)) {
    if (++steps % kStepsPerPoll == 0) interrupt.poll();
    const std::int64_t at = record.index();
    Joined joined;
    std::int32_t mine = -1;
    each_neighbour(sides, at, corners, [&](std::int64_t neighbour) {
      if (trees[static_cast<std::size_t>(neighbour)] < 0) return;
      const std::int32_t tree = forest.find(trees[static_cast<std::size_t>(neighbour)]);
      if (mine < 0) {
        mine = tree;
      } else if (tree != mine) {
        mine = forest.join(mine, tree, joined);
      }
    });
    if (mine < 0) {
      mine = forest.plant(labels[at]);
    } else {
      forest.add(mine, labels[at], joined);
    }
    trees[static_cast<std::size_t>(at)] = mine;
    same[at] = joined.same;
    other[at] = joined.other;
  }
}

}  // namespace

template <class T>
void maximin_pairs(const Maps<T>& keys, const std::int32_t* labels, bool corners, int threads,
                   Interrupt& interrupt, std::int64_t* same, std::int64_t* other) {
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, keys.count)), interrupt);
  const std::int64_t size = keys.sides[0] * keys.sides[1] * keys.sides[2];
  crew.run(keys.count, [&](std::int64_t item, int) {
    interrupt.poll();
    const std::int64_t from = item * size;
    pairs_of_one(keys.values + from, labels + from, keys.sides, corners, interrupt, same + from,
                 other + from);
  });
}

template void maximin_pairs(const Maps<float>&, const std::int32_t*, bool, int, Interrupt&,
                            std::int64_t*, std::int64_t*);
template void maximin_pairs(const Maps<double>&, const std::int32_t*, bool, int, Interrupt&,
                            std::int64_t*, std::int64_t*);

}  // namespace topoeval::digital
