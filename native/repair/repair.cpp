#include "repair.hpp"

#include <algorithm>
#include <memory>

#include "../common/team.hpp"
#include "repairer.hpp"

namespace topoeval::repair {

namespace {

template <int D>
void repair_items(const Batch& masks, const Batch& values, const Batch* locked,
                  const std::vector<std::array<std::int64_t, 3>>& wanted, const Settings& settings,
                  Team& team, std::uint8_t* out, std::vector<Repaired>& results) {
  std::vector<std::unique_ptr<Repairer<D>>> workers(static_cast<std::size_t>(team.threads()));
  team.run(masks.count, [&](std::int64_t item, int worker) {
    Interrupt& interrupt = team.interrupt();
    interrupt.poll();
    auto& repairer = workers[static_cast<std::size_t>(worker)];
    if (!repairer) repairer = std::make_unique<Repairer<D>>(settings);
    const ArrayView lock = locked != nullptr ? locked->item(item) : ArrayView();
    results[static_cast<std::size_t>(item)] =
        repairer->run(masks.item(item), values.item(item), locked != nullptr ? &lock : nullptr,
                      wanted[static_cast<std::size_t>(item)], interrupt,
                      out + item * masks.first.size());
  });
}

}  // namespace

std::vector<Repaired> repair(const Batch& masks, const Batch& values, const Batch* locked,
                             const std::vector<std::array<std::int64_t, 3>>& wanted,
                             const Settings& settings, int threads, Interrupt& interrupt,
                             std::uint8_t* out) {
  std::vector<Repaired> results(static_cast<std::size_t>(masks.count));
  Team team(static_cast<int>(std::min<std::int64_t>(threads, masks.count)), interrupt);
  const auto run = masks.rank == 2 ? &repair_items<2> : &repair_items<3>;
  run(masks, values, locked, wanted, settings, team, out, results);
  return results;
}

}  // namespace topoeval::repair
