// Disjoint sets of extrema under the elder rule.
//
// The root of a tree is its oldest node: the class that lives on.  No ranks: shortening the paths
// alone is as fast here, and the elder rule decides who becomes root anyway.  No processor can foresee
// which of two classes is older, whether they are one already and how far up their roots are:
// nothing of that is left to a branch.  A link to a node carries its age, so a search ends with
// all that the decision needs.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "prefetch.hpp"

namespace topoeval {

// A node and its key.  Nodes are numbered in the order of their voxels, so the number settles
// ties, forwards or (flip = -1) backwards.
template <class Key> class Age {
 public:
  Age() = default;
  Age(Key key, std::int32_t node) : key_(key), node_(node) {}

  Key key() const { return key_; }
  std::int32_t node() const { return node_; }

  // Swaps a and b unless a is older.
  static void sort(Age& a, Age& b, std::int32_t flip) {
    const bool swap =
        (b.key_ < a.key_) | ((b.key_ == a.key_) & ((b.node_ ^ flip) < (a.node_ ^ flip)));
    const Key keys = (a.key_ ^ b.key_) & -static_cast<Key>(swap);
    const std::int32_t nodes = (a.node_ ^ b.node_) & -static_cast<std::int32_t>(swap);
    a = {static_cast<Key>(a.key_ ^ keys), a.node_ ^ nodes};
    b = {static_cast<Key>(b.key_ ^ keys), b.node_ ^ nodes};
  }

 private:
  Key key_;
  std::int32_t node_;
};

// One word where that is enough: the key above the node.
template <> class Age<std::int32_t> {
 public:
  Age() = default;
  Age(std::int32_t key, std::int32_t node)
      : word_(static_cast<std::int64_t>(static_cast<std::uint64_t>(key) << 32 |
                                        static_cast<std::uint32_t>(node))) {}

  std::int32_t key() const { return static_cast<std::int32_t>(word_ >> 32); }
  std::int32_t node() const { return static_cast<std::int32_t>(word_); }

  static void sort(Age& a, Age& b, std::int32_t flip) {
    const std::int64_t low = static_cast<std::uint32_t>(flip);
    const bool swap = (b.word_ ^ low) < (a.word_ ^ low);
    const std::int64_t words = (a.word_ ^ b.word_) & -static_cast<std::int64_t>(swap);
    a.word_ ^= words;
    b.word_ ^= words;
  }

 private:
  std::int64_t word_;
};

template <class Key> class UnionFind {
 public:
  // Node 0 is older than every other: what lies around the array.
  void reset() {
    grow(1);
    parents_[0] = {kBelowAll<Key>, 0};
  }
  void grow(std::size_t count) { parents_.grow(count); }  // keeps the nodes made so far
  std::size_t bytes() const { return parents_.bytes(); }

  void make(std::int32_t node, Key key) { parents_[node] = {key, node}; }

  std::int32_t parent(std::int32_t node) const { return parents_[node].node(); }

  // The root of the node's tree, which is fast for a node near it; see climb.
  Age<Key> find(std::int32_t node) {
    Age<Key>* parents = parents_.data();
    Age<Key> top = parents[node];
    for (Age<Key> next; (next = parents[top.node()]).node() != top.node(); top = next) {
      parents[node] = next;
      node = top.node();
    }
    return top;
  }

  // The node two steps up, or the root.  Waits for nothing but memory, so that many can be made
  // side by side.
  std::int32_t climb(std::int32_t node) {
    const Age<Key> top = parents_[parents_[node].node()];
    parents_[node] = top;
    return top.node();
  }

  struct Death {
    std::int32_t node;  // the root that was absorbed; -1 if both were in one tree already
    Key key;            // and its key
  };

  // Joins the trees of a and b.  flip: 0 if nodes of equal key grow younger with their number, -1
  // if older; the same in all calls.
  Death join(std::int32_t a, std::int32_t b, std::int32_t flip) {
    Age<Key> elder = find(a), younger = find(b);
    a = elder.node();
    b = younger.node();
    Age<Key>::sort(elder, younger, flip);
    // To both, for the addresses are known before the order is: what is read next need not wait.
    parents_[a] = elder;
    parents_[b] = elder;
    const std::int32_t same = -static_cast<std::int32_t>(younger.node() == elder.node());
    return {younger.node() | same, younger.key()};
  }

  void prefetch_parent(std::int32_t node) const { prefetch(parents_.data() + node); }

 private:
  Buffer<Age<Key>> parents_;
};

}  // namespace topoeval
