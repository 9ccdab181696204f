// What the processor can do, asked once at run time.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(_MSC_VER) && defined(_M_X64)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace topoeval {

enum class Isa { baseline, avx2, avx512 };

inline Isa detect_isa() {
#if defined(TOPOEVAL_X86_DISPATCH)
  bool avx2 = false, avx512 = false;
#if defined(__GNUC__) || defined(__clang__)
  __builtin_cpu_init();
  avx2 = __builtin_cpu_supports("avx2");
  avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#elif defined(_MSC_VER) && defined(_M_X64)
  int id[4];
  __cpuid(id, 1);
  if (id[2] & (1 << 27)) {  // the system saves the wide registers; which ones, xgetbv tells
    const auto saved = _xgetbv(0);
    __cpuidex(id, 7, 0);
    avx2 = (saved & 0x06) == 0x06 && (id[1] & (1 << 5));
    const int wanted = (1 << 16) | (1 << 17) | (1 << 30) | (1 << 31);  // F, DQ, BW, VL
    avx512 = (saved & 0xE6) == 0xE6 && (id[1] & wanted) == wanted;
  }
#endif
  // For tests and measurements: TOPOEVAL_ISA=baseline|avx2 asks for less than there is.
  if (const char* limit = std::getenv("TOPOEVAL_ISA")) {
    if (std::strcmp(limit, "baseline") == 0) return Isa::baseline;
    if (std::strcmp(limit, "avx2") == 0) avx512 = false;
  }
  if (avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

inline Isa isa() {
  static const Isa detected = detect_isa();
  return detected;
}

}  // namespace topoeval
