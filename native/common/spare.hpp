// What a call leaves for the next one.
//
// A training step makes the same call over and over; with memory fresh from the system it would
// spend a third of its time on page faults.  One workspace is kept for the process.  Taking
// and leaving it is one atomic exchange: calls from several threads do not wait for each other,
// and a fork cannot meet a lock.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace topoeval {

template <class Workspace> class Spare {
 public:
  std::unique_ptr<Workspace> take() {
    std::unique_ptr<Workspace> spare(spare_.exchange(nullptr));
    return spare ? std::move(spare) : std::make_unique<Workspace>();
  }
  void leave(std::unique_ptr<Workspace> workspace) {
    delete spare_.exchange(workspace.release());
  }

 private:
  std::atomic<Workspace*> spare_{nullptr};  // never freed: a thread may still work at exit
};

}  // namespace topoeval
