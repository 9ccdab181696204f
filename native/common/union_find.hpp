// Disjoint sets of extrema under the elder rule.
//
// The root of a tree is its oldest node: the class that lives on.  No ranks: path halving alone
// is as fast here, and the elder rule decides who becomes root anyway.  Parents lie apart
// from the ages: a search reads parents only, and those of many nodes fit in the cache.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "prefetch.hpp"

namespace topoeval {

// Age of an extremum: smaller is older.  tie settles equal keys; it is the voxel's index,
// or the complement of it where the order of indices runs backwards too.
template <class Key> struct Node {
  Key key;
  std::int32_t tie;

  // Without a branch: which of two classes is older cannot be predicted.
  bool older_than(const Node& other) const {
    return (key < other.key) | ((key == other.key) & (tie < other.tie));
  }
};

template <class Key> class UnionFind {
 public:
  void reserve(std::size_t count) {
    parents_.reserve(count);
    nodes_.reserve(count);
  }
  void grow(std::size_t count) {  // keeps the nodes made so far
    parents_.grow(count);
    nodes_.grow(count);
  }
  std::size_t bytes() const { return parents_.bytes() + nodes_.bytes(); }

  void make(std::int32_t id, Key key, std::int32_t tie) {
    parents_[id] = id;
    nodes_[id] = {key, tie};
  }

  std::int32_t parent(std::int32_t id) const { return parents_[id]; }

  std::int32_t find(std::int32_t id) {
    std::int32_t* parents = parents_.data();
    std::int32_t parent = parents[id];
    while (parent != id) {
      const std::int32_t grandparent = parents[parent];
      parents[id] = grandparent;
      id = grandparent;
      parent = parents[id];
    }
    return id;
  }

  // Joins the trees of a and b.  Returns the root that was absorbed, i.e. the class that
  // dies here, or -1 when both were in one tree already.
  std::int32_t join(std::int32_t a, std::int32_t b) {
    a = find(a);
    b = find(b);
    if (a == b) return -1;
    const bool swap = nodes_[b].older_than(nodes_[a]);
    const std::int32_t elder = swap ? b : a, younger = swap ? a : b;
    parents_[younger] = elder;
    return younger;
  }

  const Node<Key>& operator[](std::int32_t id) const { return nodes_[id]; }

  void prefetch_parent(std::int32_t id) const { prefetch(parents_.data() + id); }
  void prefetch_node(std::int32_t id) const {
    prefetch_parent(id);
    prefetch(nodes_.data() + id);
  }

 private:
  Buffer<std::int32_t> parents_;
  Buffer<Node<Key>> nodes_;
};

}  // namespace topoeval
