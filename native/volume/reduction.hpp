// Column reduction for H1, by any number of threads and without locks.
//
// A column is a chain of critical cells of one kind seen through the gradient: taking the first
// owner from the chain and letting its cells flow along the gradient either leaves a
// critical cell, the pivot, or only pushes the chain further.  Two columns with one pivot are
// added.  What the cells are, and which way they flow, is the business of Flow: primal.hpp
// (chains of edges, flowing down) and dual.hpp (cochains of squares, flowing up).
//
// Order.  Columns have ranks, and only a column of lower rank may be added to another.  Yet they
// can be worked on in any order: one that meets a pivot taken by a column of *higher* rank
// takes it over, leaves its chain there, and work goes on with the other column and the sum.
// Going through the volume
// tile by tile uses the cache best.  By the same rule threads need no locks: the owner of a
// pivot is one atomic pointer to a chain that never changes, replaced by compare-and-swap.
// Every slot only sees ranks descend, so this ends, and pairs of a reduced matrix are unique:
// the result does not depend on the order of events.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "../common/interrupt.hpp"
#include "../common/prefetch.hpp"
#include "../common/team.hpp"
#include "arena.hpp"
#include "chain_queue.hpp"
#include "slots.hpp"

namespace topoeval::volume {

// A column as it stood when it claimed its pivot.  Entries follow in memory.
template <class Entry> struct Chain {
  Entry rank;
  std::uint32_t column, length;
  std::uint32_t leading;  // the cells at the owner of the pivot; they are not among the entries
  std::uint32_t unused;

  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
  const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
};

// Flow must offer: Entry; column(i), rank(column); slots(); origin(column): an entry
// no later than any of its chain; seed(column, chain) and flow(entry, cells, chain), which push
// what the cells flow to and return the critical cells left; slot(entry, cells, pivot), which
// chooses a pivot among those, a mask of one bit.
template <class Flow> class Reduction {
 public:
  using Entry = typename Flow::Entry;

  // arenas: one for each thread of the team; must outlive this.
  Reduction(const Flow& flow, std::int64_t budget, std::vector<Arena>& arenas)
      : flow_(flow),
        budget_(budget),
        arenas_(arenas),
        owners_(new std::atomic<Chain<Entry>*>[flow.slots()]) {
    for (std::size_t i = 0; i < flow.slots(); ++i)
      owners_[i].store(nullptr, std::memory_order_relaxed);
    for (Arena& arena : arenas_) {
      arena.rewind();
      workers_.push_back(std::make_unique<Worker>(arena));
    }
  }

  // Reduces columns in the given order, perhaps some more of them.  Returns false if all in all that
  // took more than budget steps; what there is is then meaningless.
  bool run(const std::vector<std::uint32_t>& order, Team& team) {
    const std::size_t count = order.size();
    const auto tasks = static_cast<std::int64_t>((count + kColumnsPerTask - 1) / kColumnsPerTask);
    team.run(tasks, [&](std::int64_t task, int worker) {
      const std::size_t first = static_cast<std::size_t>(task) * kColumnsPerTask;
      const std::size_t last = std::min(first + kColumnsPerTask, count);
      for (std::size_t i = first; i < last && !exhausted(); ++i) {
        reduce(order[i], *workers_[static_cast<std::size_t>(worker)], team.interrupt());
      }
    });
    return !exhausted();
  }

  // Takes their pivots from columns that were added to none that keeps its own.
  template <class Wanted> void disown(Wanted wanted) {
    for (std::size_t i = 0; i < flow_.slots(); ++i) {
      const Chain<Entry>* chain = owners_[i].load(std::memory_order_relaxed);
      if (chain != nullptr && wanted(chain->column)) {
        owners_[i].store(nullptr, std::memory_order_relaxed);
      }
    }
  }

  // Calls visit(i, column that has the pivot of slot_of(i)) for i below count, where one has.  Chains
  // lie scattered in memory: those of a block are requested before the first is read.
  template <class SlotOf, class Visit>
  void owners(std::size_t count, SlotOf slot_of, Visit visit) const {
    constexpr std::size_t kBlock = 64;
    const Chain<Entry>* chains[kBlock];
    for (std::size_t first = 0; first < count; first += kBlock) {
      const std::size_t size = std::min(kBlock, count - first);
      for (std::size_t i = 0; i < size; ++i) {
        chains[i] = owners_[slot_of(first + i)].load(std::memory_order_relaxed);
        prefetch(chains[i]);
      }
      for (std::size_t i = 0; i < size; ++i) {
        if (chains[i] != nullptr) visit(first + i, chains[i]->column);
      }
    }
  }

 private:
  static constexpr std::size_t kColumnsPerTask = 512;
  static constexpr std::uint32_t kStepsPerCheck = 4096;

  struct Worker {
    explicit Worker(Arena& memory) : arena(memory) {}
    ChainQueue<Entry> chain;
    Arena& arena;
    std::uint32_t steps = 0;
  };

  bool exhausted() const { return budget_.load(std::memory_order_relaxed) < 0; }

  // One column, or whichever takes its place, until some column has found a free pivot.
  void reduce(std::uint32_t column, Worker& worker, Interrupt& interrupt) {
    ChainQueue<Entry>& chain = worker.chain;
    Entry owner = flow_.origin(flow_.column(column));
    Entry rank = flow_.rank(flow_.column(column));
    chain.restart(owner);
    std::uint32_t left = flow_.seed(flow_.column(column), chain);
    for (;;) {
      Chain<Entry>* stored = nullptr;
      while (left != 0) {
        std::uint32_t pivot;
        std::atomic<Chain<Entry>*>& slot = owners_[flow_.slot(owner, left, pivot)];
        Chain<Entry>* there = slot.load(std::memory_order_acquire);
        if (there == nullptr || rank < there->rank) {
          if (stored == nullptr) stored = store(column, rank, left, worker);
          if (!slot.compare_exchange_strong(there, stored, std::memory_order_acq_rel)) continue;
          if (there == nullptr) return;
          column = there->column;
          rank = there->rank;
        }
        left ^= there->leading;
        chain.add(there->entries(), there->length);
        stored = nullptr;
      }
      std::uint32_t cells;
      do {
        if (++worker.steps % kStepsPerCheck == 0) {
          interrupt.poll();
          if (budget_.fetch_sub(kStepsPerCheck, std::memory_order_relaxed) < kStepsPerCheck) return;
        }
        if (!chain.pop(owner, cells)) throw std::logic_error("an H1 column without a pivot");
      } while (cells == 0);
      left = flow_.flow(owner, cells, chain);
    }
  }

  Chain<Entry>* store(std::uint32_t column, Entry rank, std::uint32_t leading, Worker& worker) {
    // Room for all, though entries may cancel: they seldom do, and the arena is not shared.
    const auto most = padded_length(static_cast<std::uint32_t>(worker.chain.size()));
    auto* chain = static_cast<Chain<Entry>*>(
        worker.arena.allocate(sizeof(Chain<Entry>) + most * sizeof(Entry)));
    const std::uint32_t length = worker.chain.copy_to(chain->entries());
    *chain = {rank, column, length, leading, 0};
    return chain;
  }

  const Flow& flow_;
  std::atomic<std::int64_t> budget_;
  std::vector<Arena>& arenas_;
  std::unique_ptr<std::atomic<Chain<Entry>*>[]> owners_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace topoeval::volume
