// Compiled with the options for AVX-512: see native/CMakeLists.txt.
#define TOPOEVAL_ISA avx512
#include "scales.ipp"
