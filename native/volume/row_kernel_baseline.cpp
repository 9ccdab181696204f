#define TOPOEVAL_ISA baseline
#include "row_kernel.ipp"
