#include "distances.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "../common/buffer.hpp"
#include "../common/spare.hpp"
#include "../common/team.hpp"
#include "inner_distance.hpp"

namespace topoeval::digital {

namespace {

// One thread's memory.
class Worker {
 public:
  void run(const ArrayView& mask, int rank, Interrupt& interrupt, double* out) {
    const std::int64_t margin_z = rank == 3 ? 1 : 0;
    const std::int64_t sides[3] = {mask.shape[0] + 2 * margin_z, mask.shape[1] + 2,
                                   mask.shape[2] + 2};
    const std::int64_t size = sides[0] * sides[1] * sides[2];
    std::int32_t* squared = squared_.reserve(static_cast<std::size_t>(size));
    std::fill_n(squared, size, 0);
    const auto each_row = [&](auto visit) {
      for (std::int64_t z = 0; z < mask.shape[0]; ++z) {
        interrupt.poll();
        for (std::int64_t y = 0; y < mask.shape[1]; ++y) {
          visit(mask.at(z, y, 0), squared + ((z + margin_z) * sides[1] + y + 1) * sides[2] + 1);
        }
      }
    };
    each_row([&](const char* in, std::int32_t* row) {
      for (std::int64_t x = 0; x < mask.shape[2]; ++x) row[x] = in[x * mask.strides[2]] != 0;
    });
    distance_.compute(squared, sides, rank, interrupt);
    each_row([&](const char*, const std::int32_t* row) {
      for (std::int64_t x = 0; x < mask.shape[2]; ++x) *out++ = std::sqrt(static_cast<double>(row[x]));
    });
  }

  std::size_t bytes() const { return squared_.bytes(); }

 private:
  Buffer<std::int32_t> squared_;
  InnerDistance distance_;
};

struct Workspace {
  std::vector<std::unique_ptr<Worker>> workers;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& worker : workers) sum += worker->bytes();
    return sum;
  }
};

Spare<Workspace> spare;
constexpr std::size_t kMostKept = std::size_t{64} << 20;

}  // namespace

void inner_distances(const Batch& masks, int threads, Interrupt& interrupt, double* out) {
  Team crew(static_cast<int>(std::min<std::int64_t>(threads, masks.count)), interrupt);
  std::unique_ptr<Workspace> workspace = spare.take();
  while (workspace->workers.size() < static_cast<std::size_t>(crew.threads())) {
    workspace->workers.push_back(std::make_unique<Worker>());
  }
  crew.run(masks.count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    workspace->workers[static_cast<std::size_t>(worker)]->run(masks.item(item), masks.rank, interrupt,
                                                              out + item * masks.first.size());
  });
  if (workspace->bytes() <= kMostKept) spare.leave(std::move(workspace));
}

}  // namespace topoeval::digital
