// Disjoint sets of extrema under the elder rule.
//
// A node is an extremum and lies in one 16-byte record, so a visit costs one cache line.
// The root of a tree is its oldest node: the class that lives on.  No ranks: path
// halving alone is as fast here, and the elder rule decides who becomes root anyway.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "prefetch.hpp"

namespace topoeval {

// Age of an extremum: smaller is older.  tie settles equal keys; it is the voxel's index,
// or the complement of it where the order of indices runs backwards too.
template <class Key> struct Node {
  alignas(16) Key key;
  std::int32_t tie;
  std::int32_t parent;

  // Without a branch: which of two classes is older cannot be predicted.
  bool older_than(const Node& other) const {
    return (key < other.key) | ((key == other.key) & (tie < other.tie));
  }
};
static_assert(sizeof(Node<std::int32_t>) == 16 && sizeof(Node<std::int64_t>) == 16,
              "four nodes to a cache line");

template <class Key> class UnionFind {
 public:
  void reserve(std::size_t count) { nodes_.reserve(count); }
  void grow(std::size_t count) { nodes_.grow(count); }  // keeps the nodes made so far

  std::size_t bytes() const { return nodes_.bytes(); }

  void make(std::int32_t id, Key key, std::int32_t tie) { nodes_[id] = {key, tie, id}; }

  std::int32_t find(std::int32_t id) {
    Node<Key>* nodes = nodes_.data();
    std::int32_t parent = nodes[id].parent;
    while (parent != id) {
      const std::int32_t grandparent = nodes[parent].parent;
      nodes[id].parent = grandparent;
      id = grandparent;
      parent = nodes[id].parent;
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
    nodes_[younger].parent = elder;
    return younger;
  }

  const Node<Key>& operator[](std::int32_t id) const { return nodes_[id]; }
  void prefetch_node(std::int32_t id) const { prefetch(nodes_.data() + id); }

 private:
  Buffer<Node<Key>> nodes_;
};

}  // namespace topoeval
