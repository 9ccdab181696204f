#define TOPOEVAL_ISA baseline
#include "scales.ipp"
