// Arrays that a fuzzer invents, through the two entries that Python uses.  What comes back is
// checked against the definition, so that a wrong answer is a finding like a crash.

#include "check_matching.hpp"
#include "check_persistence.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace topoeval::fuzz;
  Bytes in(data, size);
  const bool matching = in.below(3) == 0, intersection = in.below(2) != 0;
  const Shape shape(in);
  const Settings settings(in, shape.rank);
  const Arrays p(in, shape);
  if (matching) {
    const Arrays g(in, shape);
    check_matching(p.batch(), g.batch(), settings, intersection);
  } else {
    check_persistence(p.batch(), settings);
  }
  return 0;
}
