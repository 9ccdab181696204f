#define TOPOEVAL_ISA baseline
#include "rows.ipp"
