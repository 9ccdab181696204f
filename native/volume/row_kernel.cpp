#include "row_kernel.hpp"

#include "../common/cpu.hpp"

namespace topoeval::volume {

template <class Key> RowKernel<Key> row_kernel() {
#ifdef TOPOEVAL_X86_DISPATCH
  switch (isa()) {
    case Isa::avx512: return &avx512::compare_row<Key>;
    case Isa::avx2: return &avx2::compare_row<Key>;
    case Isa::baseline: break;
  }
#endif
  return &baseline::compare_row<Key>;
}

template RowKernel<std::int32_t> row_kernel<std::int32_t>();
template RowKernel<std::int64_t> row_kernel<std::int64_t>();

}  // namespace topoeval::volume
