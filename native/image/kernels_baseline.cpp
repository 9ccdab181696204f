#define TOPOEVAL_ISA baseline
#include "kernels.ipp"
