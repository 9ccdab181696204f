// Compiled with AVX2 switched on, see the build file.
#define TOPOEVAL_ISA avx2
#include "kernels.ipp"
