// Deformation of one image (deform.hpp), 64 pixels at a time.
//
// Colours are rows of bits, and so is what is due.  The pixels of one level within one word are a
// strip.  Pixels of a subfield do not meet, so those of a strip flip together: whether they are simple is
// a sum over the eight neighbours, each a word.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "../common/bit_packing.hpp"
#include "../common/buffer.hpp"
#include "../common/field.hpp"
#include "../volume/bits.hpp"
#include "deform.hpp"
#include "inner_distance.hpp"

namespace topoeval::digital {

class ImageDeformer {
 public:
  // out, and squared unless it is null: as in deform.hpp.
  void run(const ArrayView& mask, const ArrayView& changeable, const Deformation& how,
           InnerDistance& distance, Interrupt& interrupt, std::uint8_t* out,
           std::int32_t* squared) {
    how_ = how;
    load(mask, changeable, interrupt);
    const std::int64_t sides[3] = {1, height_ + 2, width_ + 2};
    distance.compute(depths_.data(), sides, 2, interrupt);
    for (std::int64_t y = 0; squared != nullptr && y < height_; ++y) {
      const std::int32_t* row = depths_.data() + (y + 1) * (width_ + 2) + 1;
      std::copy_n(row, width_, squared + y * width_);
    }
    collect_strips(interrupt);
    while (take_turn()) sweep(interrupt);
    store(out);
  }

  std::size_t bytes() const {
    return (colours_.capacity() + due_.capacity()) * sizeof(Word) + depths_.bytes() +
           (strips_.capacity() + turn_.capacity()) * sizeof(Strip) +
           (starts_.capacity() + levels_.capacity()) * sizeof(std::size_t);
  }

 private:
  using Word = std::uint64_t;
  using Index = std::uint32_t;

  struct Strip {
    Word pixels;        // that may change and have not
    Index word;         // where they are
    std::uint32_t key;  // twice the level, and 1 in odd rows; of a turn: the number of the strip
  };

  // Arrays with a margin of one pixel, in rows of whole words, with a word before and behind.
  void load(const ArrayView& mask, const ArrayView& changeable, Interrupt& interrupt) {
    height_ = mask.shape[1], width_ = mask.shape[2];
    words_ = words_for(width_ + 2);
    const std::int64_t size = (height_ + 2) * words_ + 2;
    if (size > INT64_C(0xFFFFFFFF)) throw std::invalid_argument("an item has too many voxels");
    const Word beyond = how_.framed ? ~Word{0} : 0;
    colours_.assign(static_cast<std::size_t>(size), beyond);
    due_.assign(static_cast<std::size_t>(size), 0);
    const std::int64_t row = width_ + 2;
    std::int32_t* depths = depths_.reserve(static_cast<std::size_t>((height_ + 2) * row));
    std::fill_n(depths, row, 0);
    std::fill_n(depths + (height_ + 1) * row, row, 0);
    const bool one_array = mask.data == changeable.data &&
                           std::equal(mask.strides, mask.strides + 3, changeable.strides);
    for (std::int64_t y = 0; y < height_; ++y) {
      if (y % 256 == 0) interrupt.poll();
      Word *colours = colours_.data() + row_begin(y), *due = due_.data() + row_begin(y);
      const char* may = changeable.at(0, y, 0);
      pack_bits(may, changeable.strides[2], width_, due);
      load_depths(due, depths + (y + 1) * row);
      move_bits_up(due, width_);
      if (one_array) {
        std::copy_n(due, words_, colours);
      } else {
        colours[words_ - 1] = 0;
        pack_bits(mask.at(0, y, 0), mask.strides[2], width_, colours);
        move_bits_up(colours, width_);
      }
      if (how_.framed) {
        colours[0] |= 1;
        colours[(width_ + 1) >> 6] |= Word{1} << ((width_ + 1) & 63);
      }
    }
  }

  // 1 where a pixel may change.
  void load_depths(const Word* pixels, std::int32_t* depths) const {
    *depths++ = 0;
    for (std::int64_t x = 0; x < width_; x += 64) {
      const Word word = pixels[x >> 6];
      const std::int64_t count = std::min<std::int64_t>(64, width_ - x);
      for (std::int64_t i = 0; i < count; ++i) depths[x + i] = word >> i & 1;
    }
    depths[width_] = 0;
  }

  std::int64_t row_begin(std::int64_t y) const { return 1 + (y + 1) * words_; }

  void store(std::uint8_t* out) {
    std::vector<Word>& row = due_;  // no longer needed
    for (std::int64_t y = 0; y < height_; ++y, out += width_) {
      const Word* colours = colours_.data() + row_begin(y);
      for (std::int64_t k = 0; k < words_; ++k) row[k] = colours[k] >> 1 | colours[k + 1] << 63;
      unpack_bits(row.data(), width_, out);
    }
  }

  static std::uint32_t level_of(std::int32_t squared) {
    return static_cast<std::uint32_t>(std::sqrt(static_cast<double>(squared)));
  }

  static constexpr std::uint32_t kLow = 64;  // levels below it are gathered from anywhere in a word
  struct LowLevels {
    std::uint8_t of[kLow * kLow];
    LowLevels() {
      for (std::uint32_t i = 0; i < kLow * kLow; ++i) {
        of[i] = static_cast<std::uint8_t>(level_of(static_cast<std::int32_t>(i)));
      }
    }
  };

  // By level and parity of the row, then by index.
  void collect_strips(Interrupt& interrupt) {
    static const LowLevels low;
    Word gathered[kLow] = {};
    strips_.clear();
    std::uint32_t last = 0;
    for (std::int64_t y = 0; y < height_; ++y) {
      if (y % 256 == 0) interrupt.poll();
      const auto parity = static_cast<std::uint32_t>((y + 1) & 1);
      const std::int32_t* depths = depths_.data() + (y + 1) * (width_ + 2);
      for (std::int64_t k = 0; k < words_; ++k, depths += 64) {
        const auto word = static_cast<Index>(row_begin(y) + k);
        const std::size_t first = strips_.size();
        Word levels = 0;
        volume::for_each_bit(due_[word], [&](int bit) {
          const std::int32_t squared = depths[bit];
          const Word pixel = Word{1} << bit;
          if (squared < static_cast<std::int32_t>(kLow * kLow)) {
            const std::uint8_t level = low.of[squared];
            gathered[level] |= pixel;
            levels |= Word{1} << level;
            return;
          }
          const std::uint32_t key = 2 * level_of(squared) + parity;
          if (strips_.size() == first || strips_.back().key != key) {
            strips_.push_back({0, word, key});
          }
          strips_.back().pixels |= pixel;
        });
        volume::for_each_bit(levels, [&](int level) {
          strips_.push_back({gathered[level], word, 2 * static_cast<std::uint32_t>(level) + parity});
          gathered[level] = 0;
        });
        for (std::size_t i = first; i < strips_.size(); ++i) last = std::max(last, strips_[i].key);
      }
    }
    sort_strips(last);
  }

  void sort_strips(std::uint32_t last) {
    starts_.assign(static_cast<std::size_t>(last) + 2, 0);
    for (const Strip& strip : strips_) ++starts_[strip.key + 1];
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    turn_.resize(strips_.size());
    for (const Strip& strip : strips_) turn_[starts_[strip.key]++] = strip;
    turn_.swap(strips_);
  }

  // What is due now, strip by strip; false if nothing is.  levels_: where in the turn each key begins.
  bool take_turn() {
    turn_.clear();
    levels_.clear();
    std::size_t left = 0;
    std::uint32_t level = UINT32_MAX;
    for (const Strip& strip : strips_) {
      if (strip.pixels == 0) continue;
      strips_[left] = strip;
      const Word now = strip.pixels & due_[strip.word];
      if (now != 0) {
        if (strip.key >> 1 != level) levels_.push_back(turn_.size());
        level = strip.key >> 1;
        turn_.push_back({now, strip.word, static_cast<std::uint32_t>(left)});
      }
      ++left;
    }
    strips_.resize(left);
    levels_.push_back(turn_.size());
    return !turn_.empty();
  }

  void sweep(Interrupt& interrupt) {
    constexpr Word kEven = 0x5555555555555555u;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      interrupt.poll();
      const std::size_t first = levels_[i], last = levels_[i + 1];
      for (std::size_t k = first; how_.keep_ends && k < last; ++k) keep_ends(turn_[k]);
      // Even rows come first within a level.
      const auto odd_row = [&](const Strip& strip) { return (strips_[strip.key].key & 1) != 0; };
      const auto middle = static_cast<std::size_t>(
          std::find_if(turn_.begin() + static_cast<std::ptrdiff_t>(first),
                       turn_.begin() + static_cast<std::ptrdiff_t>(last), odd_row) -
          turn_.begin());
      const std::size_t bounds[3] = {first, middle, last};
      for (int rows = 0; rows < 2; ++rows) {
        for (const Word columns : {kEven, ~kEven}) {
          for (std::size_t k = bounds[rows]; k < bounds[rows + 1]; ++k) flip(turn_[k], columns);
        }
      }
    }
  }

  // The neighbours of the pixels of a word, clockwise from above.
  struct Ring {
    Word at[8];
  };
  Ring ring(Index word) const {
    const Word *here = colours_.data() + word, *above = here - words_, *below = here + words_;
    const auto before = [](const Word* row) { return row[0] << 1 | row[-1] >> 63; };
    const auto after = [](const Word* row) { return row[0] >> 1 | row[1] << 63; };
    return {{*above, after(above), after(here), after(below), *below, before(below), before(here),
             before(above)}};
  }

  // Exactly one of them.
  template <int Step> static Word one_of(const Ring& ring) {
    Word some = 0, several = 0;
    for (int i = 0; i < 8; i += Step) {
      several |= some & ring.at[i];
      some |= ring.at[i];
    }
    return some & ~several;
  }

  // A pixel is simple if just one of the components around it, of the phase that is adjacent by faces,
  // touches it with a face: each such component has one face with no other face of it behind.
  Word simple(Ring ring) const {
    const Word flip = how_.corners ? ~Word{0} : 0;
    for (Word& neighbour : ring.at) neighbour ^= flip;
    Ring last{};
    for (int i = 0; i < 8; i += 2) {
      last.at[i] = ring.at[i] & ~(ring.at[i + 1] & ring.at[(i + 2) % 8]);
    }
    return one_of<2>(last);
  }

  // Takes away what is the end of a curve for good.
  void keep_ends(const Strip& turn) {
    const Ring near = ring(turn.word);
    const Word ends = turn.pixels & (how_.corners ? one_of<1>(near) : one_of<2>(near));
    volume::for_each_bit(ends, [&](int bit) {
      if (!beside_deeper(turn.word, bit)) strips_[turn.key].pixels &= ~(Word{1} << bit);
    });
  }

  // Whether a neighbour is deeper by more than a half.
  bool beside_deeper(Index word, int bit) const {
    const std::int64_t at = static_cast<std::int64_t>(word) - 1, row = width_ + 2;
    const std::int32_t* depths = depths_.data() + at / words_ * row + at % words_ * 64 + bit;
    std::int32_t deepest = 0;
    for (std::int64_t step : {-row, std::int64_t{0}, row}) {
      for (int dx = -1; dx <= 1; ++dx) deepest = std::max(deepest, depths[step + dx]);
    }
    return std::sqrt(deepest) > std::sqrt(*depths) + 0.5;
  }

  void flip(const Strip& turn, Word columns) {
    Strip& strip = strips_[turn.key];
    const Word asked = turn.pixels & strip.pixels & columns;
    if (asked == 0) return;
    due_[turn.word] &= ~asked;
    const Word flipped = asked & simple(ring(turn.word));
    if (flipped == 0) return;
    colours_[turn.word] ^= flipped;
    strip.pixels ^= flipped;
    Word* due = due_.data() + turn.word;
    for (std::int64_t step : {-words_, std::int64_t{0}, words_}) {
      due[step] |= flipped | flipped << 1 | flipped >> 1;
      due[step - 1] |= flipped << 63;
      due[step + 1] |= flipped >> 63;
    }
  }

  Deformation how_;
  std::int64_t height_ = 0, width_ = 0, words_ = 0;
  std::vector<Word> colours_, due_;
  Buffer<std::int32_t> depths_;  // squared, with the margin
  std::vector<Strip> strips_, turn_;
  std::vector<std::size_t> starts_, levels_;
};

}  // namespace topoeval::digital
