// Random arrays through the entry that Python uses, with checks on what comes back.
//
// With clang, -fsanitize=fuzzer drives it.  Without, this file has its own main:
//   fuzz_persistence file...                    replay inputs
//   fuzz_persistence --seconds S [--seed N]     random inputs; every 1024th seed is
//                                               printed, so that a failure is soon found again
// Build with -DTOPOEVAL_FUZZ=ON and -DTOPOEVAL_SANITIZE=address,undefined.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "batch.hpp"

namespace {

using namespace topoeval;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// Reads an input front to back; zeros follow its end.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t next() { return at_ < size_ ? data_[at_++] : 0; }
  int below(int limit) { return next() % limit; }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

// An array built as an input says: its own memory, exactly as large as it has to be, so that
// the address sanitizer sees a read beyond it.
struct Case {
  explicit Case(Bytes& in) {
    batch.rank = 2 + in.below(2);
    batch.count = 1 + in.below(3);
    batch.first.dtype = static_cast<Dtype>(in.below(11));
    const int limit = batch.rank == 2 ? 80 : 9;
    for (int axis = 3 - batch.rank; axis < 3; ++axis) batch.first.shape[axis] = 1 + in.below(limit);

    const auto item = with_type(batch.first.dtype, [](auto sample) { return sizeof sample; });
    const int layout = in.below(4);  // bit 0: Fortran order; bit 1: every axis reversed
    std::int64_t step = static_cast<std::int64_t>(item);
    for (int i = 0; i < 3; ++i) {
      const int axis = layout & 1 ? i : 2 - i;
      batch.first.strides[axis] = step;
      step *= batch.first.shape[axis];
    }
    batch.stride = step;
    memory.resize(static_cast<std::size_t>(step * batch.count));
    fill(in, item);
    batch.first.data = memory.data();
    if (layout & 2) {
      for (int axis = 0; axis < 3; ++axis) {
        batch.first.data += batch.first.strides[axis] * (batch.first.shape[axis] - 1);
        batch.first.strides[axis] = -batch.first.strides[axis];
      }
    }
    request.construction = in.below(2) ? Construction::top_cells : Construction::vertices;
    request.superlevel = in.below(2) != 0;
    request.dims = 1 + static_cast<unsigned>(in.below(batch.rank == 2 ? 3 : 7));
    threads = 1 + in.below(3);
    min_persistence = in.below(4) == 0 ? in.below(8) / 4.0 : 0;
  }

  // Either bytes as they come (NaN and all), or a few levels, for ties.
  void fill(Bytes& in, std::size_t item) {
    const int levels = in.next() % 3 == 0 ? 0 : 1 + in.below(12);
    if (levels == 0) {
      for (char& byte : memory) byte = static_cast<char>(in.next());
      return;
    }
    for (std::size_t at = 0; at < memory.size(); at += item) {
      const int level = in.below(levels) - levels / 2;
      with_type(batch.first.dtype, [&](auto sample) {
        using T = decltype(sample);
        T value;
        if constexpr (std::is_same_v<T, float16>) {
          value.bits = static_cast<std::uint16_t>(level * 0x0400);
        } else {
          value = static_cast<T>(level);
        }
        std::memcpy(memory.data() + at, &value, sizeof value);
        return 0;
      });
    }
  }

  Batch batch;
  Request request;
  std::vector<char> memory;
  int threads = 1;
  double min_persistence = 0;
};

using Bars = std::vector<std::tuple<int, std::int32_t, std::int32_t>>;

Bars sorted_pairs(const Diagram& diagram, unsigned dims) {
  Bars bars;
  for (int dim = 0; dim < 3; ++dim) {
    if (!(dims >> dim & 1)) continue;
    for (const Pair& pair : diagram.pairs[dim]) bars.emplace_back(dim, pair.birth, pair.death);
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

template <class Key> void check_order(const Case& test, const ArrayView& view, const Diagram& found) {
  const Field<Key> field(view, test.request.superlevel);
  for (int dim = 0; dim < 3; ++dim) {
    int essential = 0;
    for (const Pair& pair : found.pairs[dim]) {
      require(pair.birth >= 0 && pair.birth < view.size(), "birth is a voxel");
      require(pair.death >= kNever && pair.death < view.size(), "death is a voxel or never");
      if (pair.death == kNever) {
        ++essential;
      } else {
        require(field.key(pair.birth) < field.key(pair.death), "birth comes before death");
      }
    }
    require(essential == (dim == 0 && test.request.wants(0)), "one class lives for ever");
    require(test.request.wants(dim) || found.pairs[dim].empty(), "only what was asked for");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  const Case test(in);
  std::vector<Diagram> found;
  try {
    Interrupt interrupt;
    found = persistence(test.batch, test.request, test.min_persistence, test.threads, interrupt);
  } catch (const NotANumber&) {
    return 0;
  }
  require(found.size() == static_cast<std::size_t>(test.batch.count), "a diagram for each item");

  Request everything = test.request;
  everything.dims = 7;
  Interrupt interrupt;
  const auto all = persistence(test.batch, everything, test.min_persistence, 1, interrupt);
  for (std::int64_t i = 0; i < test.batch.count; ++i) {
    const auto item = static_cast<std::size_t>(i);
    const ArrayView view = test.batch.item(i);
    if (needs_wide_keys(view.dtype)) {
      check_order<std::int64_t>(test, view, found[item]);
    } else {
      check_order<std::int32_t>(test, view, found[item]);
    }
    require(sorted_pairs(found[item], 7) == sorted_pairs(all[item], test.request.dims),
            "threads and the choice of dimensions change nothing");
  }
  return 0;
}

#ifndef TOPOEVAL_LIBFUZZER
namespace {

// Long runs of equal bytes now and then: plateaus, large and small.
std::vector<std::uint8_t> random_input(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> input(16 + random() % 6000);
  const bool runs = random() % 4 == 0;
  std::uint8_t byte = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (!runs || i < 16 || random() % 16 == 0) byte = static_cast<std::uint8_t>(random());
    input[i] = byte;
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0;
  std::uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--seconds" && i + 1 < argc) {
      seconds = std::atof(argv[++i]);
    } else if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::ifstream file(argument, std::ios::binary);
      const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      std::printf("%s: passed\n", argument.c_str());
    }
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const std::uint64_t first = seed;
  for (; std::chrono::steady_clock::now() < end; ++seed) {
    std::FILE* note = seed % 1024 == 0 ? stderr : nullptr;
    if (note != nullptr) std::fprintf(note, "seed %llu\n", static_cast<unsigned long long>(seed));
    const auto input = random_input(seed);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  if (seconds > 0) {
    std::printf("%llu inputs passed\n", static_cast<unsigned long long>(seed - first));
  }
}
#endif
