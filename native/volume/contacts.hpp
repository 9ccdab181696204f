// Voxels of level 1 that touch one of level 2, and the other way round.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "../common/field.hpp"
#include "../common/team.hpp"
#include "bits.hpp"

namespace topoeval::volume {

// Indices in C order, ascending: the voxels of levels 1 and 2 with the other one of these levels among
// their 26 neighbours.  levels: bytes from 0 to 4, rows without gaps.
class Contacts {
 public:
  static std::vector<std::int64_t> of(const ArrayView& levels, Team& team) {
    std::vector<std::vector<std::int64_t>> found(static_cast<std::size_t>(levels.shape[0]));
    team.run(levels.shape[0], [&](std::int64_t z, int) {
      team.interrupt().poll();
      Contacts(levels).search(z, found[static_cast<std::size_t>(z)]);
    });
    std::vector<std::int64_t> all;
    for (const auto& of_plane : found) all.insert(all.end(), of_plane.begin(), of_plane.end());
    return all;
  }

 private:
  using Row = std::vector<std::uint8_t>;

  explicit Contacts(const ArrayView& levels)
      : levels_(levels), width_(static_cast<std::size_t>(levels.shape[2])) {
    for (Row* row : {&above_, &here_, &below_}) row->assign(width_ + 2, 0);
    own_.resize(width_);
    contact_.assign(width_ + 8, 0);
  }

  // 1 and 2 stay, all else is 0: or-ed together, 3 means both.
  static std::uint8_t bit_of(std::uint8_t level) {
    return static_cast<std::uint8_t>(level - 1) < 2 ? level : std::uint8_t{0};
  }

  // What this row and those of the planes beside it hold, each place by itself; place x at x + 1.
  void gather(std::int64_t z, std::int64_t y, Row& out) const {
    std::uint8_t* to = out.data() + 1;
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    if (y < 0 || y >= levels_.shape[1]) return;
    for (std::int64_t k = std::max<std::int64_t>(z - 1, 0);
         k < std::min(z + 2, levels_.shape[0]); ++k) {
      const auto* row = reinterpret_cast<const std::uint8_t*>(levels_.at(k, y, 0));
      for (std::size_t x = 0; x < width_; ++x) to[x] |= bit_of(row[x]);
    }
  }

  void search(std::int64_t z, std::vector<std::int64_t>& found) {
    gather(z, -1, above_);
    gather(z, 0, here_);
    for (std::int64_t y = 0; y < levels_.shape[1]; ++y) {
      gather(z, y + 1, below_);
      for (std::size_t x = 0; x < width_ + 2; ++x) above_[x] |= here_[x] | below_[x];
      const auto* row = reinterpret_cast<const std::uint8_t*>(levels_.at(z, y, 0));
      for (std::size_t x = 0; x < width_; ++x) own_[x] = bit_of(row[x]);
      const std::uint8_t *around = above_.data(), *own = own_.data();
      for (std::size_t x = 0; x < width_; ++x) {
        const auto seen = static_cast<std::uint8_t>(around[x] | around[x + 1] | around[x + 2]);
        contact_[x] = static_cast<std::uint8_t>((seen == 3) & (own[x] != 0));
      }
      const std::int64_t first = (z * levels_.shape[1] + y) * levels_.shape[2];
      for (std::size_t x = 0; x < width_; x += 8) {
        std::uint64_t eight;
        std::memcpy(&eight, contact_.data() + x, 8);
        for (; eight != 0; eight &= eight - 1) {
          found.push_back(first + static_cast<std::int64_t>(x) + lowest_bit(eight) / 8);
        }
      }
      std::swap(above_, here_);
      std::swap(here_, below_);
    }
  }

  const ArrayView& levels_;
  std::size_t width_;
  Row above_, here_, below_, own_, contact_;
};

}  // namespace topoeval::volume
