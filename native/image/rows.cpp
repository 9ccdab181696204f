#include "rows.hpp"

#include "../common/cpu.hpp"

namespace topoeval::image {

template <class Key> const RowKernels<Key>& row_kernels() {
#ifdef TOPOEVAL_X86_DISPATCH
  switch (isa()) {
    case Isa::avx512: return avx512::kernels<Key>();
    case Isa::avx2: return avx2::kernels<Key>();
    case Isa::baseline: break;
  }
#endif
  return baseline::kernels<Key>();
}

template const RowKernels<std::int32_t>& row_kernels<std::int32_t>();
template const RowKernels<std::int64_t>& row_kernels<std::int64_t>();

}  // namespace topoeval::image
