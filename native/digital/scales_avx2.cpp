// Compiled with the options for AVX2: see native/CMakeLists.txt.
#define TOPOEVAL_ISA avx2
#include "scales.ipp"
