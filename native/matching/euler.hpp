// The Euler number of a volume's foreground: cells counted 64 at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "../common/team.hpp"
#include "bit_rows.hpp"

namespace topoeval::matching {

class EulerNumber {
 public:
  // corners: voxels are closed cubes (T); otherwise vertices (V).
  std::int64_t of(const BitRows& volume, bool corners, Team& team) {
    volume_ = &volume;
    words_ = volume.words() + 1;  // a word more, for cells beyond the last voxel
    none_.assign(static_cast<std::size_t>(words_), 0);
    std::atomic<std::int64_t> total{0};
    team.run(volume.depth() + 1, [&](std::int64_t z, int) {
      std::int64_t sum = 0;
      for (std::int64_t y = 0; y <= volume.height(); ++y) {
        sum += corners ? of_cubes(z, y) : of_vertices(z, y);
      }
      total.fetch_add(sum, std::memory_order_relaxed);
    });
    return total.load(std::memory_order_relaxed);
  }

 private:
  using Word = BitRows::Word;

  // A row of voxels; none outside.
  const Word* row(std::int64_t z, std::int64_t y) const {
    const bool inside = z >= 0 && y >= 0 && z < volume_->depth() && y < volume_->height();
    return inside ? volume_->row(z * volume_->height() + y) : none_.data();
  }

  // Cells whose first corner lies in this row: their corners all have to be there.  Those
  // that extend along x are pairs of neighbouring bits.
  std::int64_t of_vertices(std::int64_t z, std::int64_t y) const {
    const Word *a = row(z, y), *b = row(z, y + 1), *c = row(z + 1, y), *d = row(z + 1, y + 1);
    std::int64_t sum = 0;
    Word before[4] = {0, 0, 0, 0};
    for (std::int64_t k = 0; k < volume_->words(); ++k) {
      const Word cells[4] = {a[k], a[k] & b[k], a[k] & c[k], a[k] & b[k] & c[k] & d[k]};
      for (int i = 0; i < 4; ++i) {
        const Word along = cells[i] & (cells[i] << 1 | before[i]);
        const int number = volume::count_bits(cells[i]) - volume::count_bits(along);
        sum += i == 0 || i == 3 ? number : -number;
        before[i] = cells[i] >> 63;
      }
    }
    return sum;
  }

  // Cells on the low side of this row: some voxel around them has to be there.
  std::int64_t of_cubes(std::int64_t z, std::int64_t y) const {
    const Word *a = row(z, y), *b = row(z, y - 1), *c = row(z - 1, y), *d = row(z - 1, y - 1);
    const bool has_y = y < volume_->height(), has_z = z < volume_->depth();
    std::int64_t sum = 0;
    Word before[4] = {0, 0, 0, 0};
    for (std::int64_t k = 0; k < words_; ++k) {
      const bool inside = k + 1 < words_;
      const Word wa = inside ? a[k] : 0, wb = inside ? b[k] : 0, wc = inside ? c[k] : 0,
                 wd = inside ? d[k] : 0;
      // Cubes extend along y and z, other cells along one of them or none.
      const Word cells[4] = {has_y && has_z ? wa : 0, has_z ? wa | wb : 0, has_y ? wa | wc : 0,
                             wa | wb | wc | wd};
      for (int i = 0; i < 4; ++i) {
        const Word ends = cells[i] | (cells[i] << 1 | before[i]);
        const int number = volume::count_bits(ends) - volume::count_bits(cells[i]);
        sum += i == 0 || i == 3 ? number : -number;
        before[i] = cells[i] >> 63;
      }
    }
    return sum;
  }

  const BitRows* volume_ = nullptr;
  std::int64_t words_ = 0;
  std::vector<Word> none_;
};

}  // namespace topoeval::matching
