// Random inputs, where the compiler has no fuzzer that is led by coverage.
//
//   FUZZER file...                    replay inputs
//   FUZZER --seconds S [--seed N]     random inputs; every 1024th seed is printed, so that a failure
//                                     is soon found again

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Long runs of equal bytes now and then: plateaus, large and small.
std::vector<std::uint8_t> random_input(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> input(32 + random() % 4000);
  const bool runs = random() % 4 == 0;
  std::uint8_t byte = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (!runs || i < 32 || random() % 16 == 0) byte = static_cast<std::uint8_t>(random());
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
