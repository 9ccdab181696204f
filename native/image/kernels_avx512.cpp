// Compiled with AVX-512 BW/VL switched on, see the build file.
#define TOPOEVAL_ISA avx512
#include "kernels.ipp"
