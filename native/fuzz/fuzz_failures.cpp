// How calls end that cannot succeed: NaN in any item, memory that ends at any allocation, with
// threads for the batch and inside its items.
//
// A call returns, or throws NotANumber where there is a NaN and bad_alloc where an allocation
// failed.  Anything else, Interrupted above all, is a finding; so is a result that differs from that
// of one thread.

#include <functional>
#include <new>
#include <stdexcept>

#include "arrays.hpp"
#include "check.hpp"
#include "failing_memory.hpp"
#include "digital/deform.hpp"
#include "matching/masks.hpp"
#include "matching/matching.hpp"

namespace {

using namespace topoeval;
using namespace topoeval::fuzz;

enum class End { result, not_a_number, refused, no_memory };

using Call = std::function<std::size_t(int threads, Interrupt&)>;  // returns how many bars or voxels

End end_of(const Call& call, int threads, std::size_t& bars) {
  Interrupt interrupt;
  try {
    bars = call(threads, interrupt);
    return End::result;
  } catch (const NotANumber&) {
    return End::not_a_number;
  } catch (const std::invalid_argument&) {
    return End::refused;  // dtypes without a common one
  } catch (const std::bad_alloc&) {
    return End::no_memory;
  } catch (const Interrupted&) {
    require(false, "nobody interrupts");
  } catch (...) {
    require(false, "an exception that no input explains");
  }
  return End::result;
}

void check_failures(Bytes& in, const Call& call) {
  const int threads = 1 + in.below(33);
  std::size_t expected = 0, bars = 0;
  const End usual = end_of(call, 1, expected);
  std::int64_t allocations;
  {
    const FailingMemory memory(FailingMemory::kNone, 0);
    require(end_of(call, threads, bars) == usual, "threads change not how a call ends");
    require(bars == expected, "threads change no bars");
    allocations = memory.allocations();
  }
  for (int attempt = 0; attempt < 4; ++attempt) {
    const std::int64_t first = (in.next() << 8 | in.next()) % (allocations + 1);
    const std::int64_t count = in.below(2) == 0 ? 1 + in.below(3) : FailingMemory::kNone;
    const FailingMemory memory(first, count);
    const End end = end_of(call, threads, bars);
    if (end == End::no_memory) {
      require(memory.failed(), "memory ends only where it does");
    } else {
      require(end == usual, "without memory a call fails or ends as usual");  // fewer threads
      require(bars == expected, "fewer threads change no bars");
    }
  }
}

// The first byte of every value, as masks.
Batch bytes_of(Batch batch) {
  batch.first.dtype = Dtype::u8;
  return batch;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  const int entry = in.below(4);
  const Shape shape(in);
  Request request;
  request.construction = in.below(2) == 0 ? Construction::vertices : Construction::top_cells;
  request.superlevel = in.below(2) != 0;
  const Arrays p(in, shape), g(in, shape);
  if (entry == 0) {
    check_failures(in, [&](int threads, Interrupt& interrupt) {
      std::size_t bars = 0;
      for (const Diagram& found : persistence(p.batch(), request, 0, threads, interrupt)) {
        bars += found.size();
      }
      return bars;
    });
  } else if (entry == 1) {
    const bool framed = in.below(2) != 0;
    const auto comparison = in.below(2) != 0 ? matching::Comparison::intersection
                                             : matching::Comparison::union_;
    check_failures(in, [&](int threads, Interrupt& interrupt) {
      std::size_t features = 0;
      for (const auto& found :
           matching::match_masks(bytes_of(p.batch()), bytes_of(g.batch()), request.construction,
                                 framed, comparison, threads, interrupt)) {
        for (const auto* counts : {&found.p, &found.g, &found.matched}) {
          for (const std::int64_t count : *counts) features += static_cast<std::size_t>(count);
        }
      }
      return features;
    });
  } else if (entry == 2) {
    const digital::Deformation how{request.superlevel, in.below(2) != 0, in.below(2) != 0};
    std::vector<std::uint8_t> masks(static_cast<std::size_t>(shape.items * shape.size()));
    check_failures(in, [&](int threads, Interrupt& interrupt) {
      digital::deform(bytes_of(p.batch()), bytes_of(g.batch()), how, threads, interrupt,
                      masks.data());
      std::size_t voxels = 0;
      for (const std::uint8_t voxel : masks) voxels += voxel;
      return voxels;
    });
  } else {
    check_failures(in, [&](int threads, Interrupt& interrupt) {
      std::size_t bars = 0;
      for (const auto& found :
           matching::betti_matching(p.batch(), g.batch(), request, matching::Comparison::union_,
                                    false, threads, interrupt)) {
        bars += found.size();
      }
      return bars;
    });
  }
  return 0;
}
