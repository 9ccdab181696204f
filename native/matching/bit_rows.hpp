// A mask as rows of bits: an eighth of a byte per voxel, 64 voxels at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "../common/bit_packing.hpp"
#include "../common/field.hpp"
#include "../common/interrupt.hpp"
#include "../volume/bits.hpp"

namespace topoeval::matching {

// How a mask is read.
struct Reading {
  bool framed = false;      // with one layer of ones around it; an image gets none in z
  bool backwards = false;   // from the last voxel to the first
  bool complement = false;  // the background
};

class BitRows {
 public:
  using Word = std::uint64_t;

  // rank: 2 or 3.  Any value but 0 is foreground.
  void load(const ArrayView& mask, int rank, const Reading& reading, Interrupt& interrupt) {
    const std::int64_t pad = reading.framed ? 1 : 0, pad_z = rank == 3 ? pad : 0;
    resize(mask.shape[0] + 2 * pad_z, mask.shape[1] + 2 * pad, mask.shape[2] + 2 * pad);
    ArrayView view = mask;
    if (reading.backwards) {
      view.data = mask.at(mask.shape[0] - 1, mask.shape[1] - 1, mask.shape[2] - 1);
      for (auto& stride : view.strides) stride = -stride;
    }
    for (std::int64_t z = 0; z < depth_; ++z) {
      for (std::int64_t y = 0; y < height_; ++y) {
        if (y % 256 == 0) interrupt.poll();
        Word* out = row(z * height_ + y);
        const bool in_frame = z < pad_z || z >= depth_ - pad_z || y < pad || y >= height_ - pad;
        if (in_frame) {
          for (std::int64_t k = 0; k < words_; ++k) out[k] = ~Word{0};
        } else {
          out[words_ - 1] = 0;  // the frame may need a word more
          pack_bits(view.at(z - pad_z, y - pad, 0), view.strides[2], mask.shape[2], out);
          if (reading.framed) enclose(out);
        }
        const Word flip = reading.complement ? ~Word{0} : 0;
        for (std::int64_t k = 0; k < words_; ++k) out[k] ^= flip;
        out[words_ - 1] &= last_word();
      }
    }
  }

  void combine(const BitRows& a, const BitRows& b, bool intersection) {
    resize(a.depth_, a.height_, a.width_);
    const std::size_t size = bits_.size();
    const Word *x = a.bits_.data(), *y = b.bits_.data();
    if (intersection) {
      for (std::size_t i = 0; i < size; ++i) bits_[i] = x[i] & y[i];
    } else {
      for (std::size_t i = 0; i < size; ++i) bits_[i] = x[i] | y[i];
    }
  }

  std::int64_t depth() const { return depth_; }
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::int64_t words() const { return words_; }  // of a row
  Word* row(std::int64_t r) { return bits_.data() + r * words_; }
  const Word* row(std::int64_t r) const { return bits_.data() + r * words_; }

  // 64 of them, from place x of a row on; none beyond its last word.
  Word bits(std::int64_t r, std::int64_t x) const {
    const Word* word = row(r) + (x >> 6);
    const int shift = static_cast<int>(x & 63);
    if (shift == 0) return *word;
    const Word more = (x >> 6) + 1 < words_ ? word[1] : 0;
    return *word >> shift | more << (64 - shift);
  }

  bool any() const {
    Word found = 0;
    for (const Word word : bits_) found |= word;
    return found != 0;
  }

  // The first position from x on whose bit is set, or with flip = ~0 clear; the width if none is.
  std::int64_t next(std::int64_t r, std::int64_t x, Word flip = 0) const {
    if (x >= width_) return width_;
    const Word* words = row(r);
    std::int64_t k = x >> 6;
    Word word = (words[k] ^ flip) & ~Word{0} << (x & 63);
    while (word == 0) {
      if (++k >= words_) return width_;
      word = words[k] ^ flip;
    }
    const std::int64_t found = (k << 6) + volume::lowest_bit(word);
    return found < width_ ? found : width_;
  }

  std::size_t bytes() const { return bits_.capacity() * sizeof(Word); }
  void release() { std::vector<Word>().swap(bits_); }

 private:
  void resize(std::int64_t depth, std::int64_t height, std::int64_t width) {
    depth_ = depth, height_ = height, width_ = width;
    words_ = (width + 63) / 64;
    bits_.resize(static_cast<std::size_t>(depth * height * words_));
  }

  Word last_word() const { return ~Word{0} >> (words_ * 64 - width_); }

  // Moves a row by one and sets both ends.
  void enclose(Word* out) const {
    Word carry = 1;
    for (std::int64_t k = 0; k < words_; ++k) {
      const Word moved = out[k] << 1 | carry;
      carry = out[k] >> 63;
      out[k] = moved;
    }
    out[(width_ - 1) >> 6] |= Word{1} << ((width_ - 1) & 63);
  }

  std::int64_t depth_ = 0, height_ = 0, width_ = 0, words_ = 0;
  std::vector<Word> bits_;
};

}  // namespace topoeval::matching
