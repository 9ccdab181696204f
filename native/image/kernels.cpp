#include "kernels.hpp"

#include "../common/cpu.hpp"

namespace topoeval::image {

template <class Key> const Kernels<Key>& fastest_kernels() {
#ifdef TOPOEVAL_X86_DISPATCH
  switch (isa()) {
    case Isa::avx512: return avx512::kernels<Key>();
    case Isa::avx2: return avx2::kernels<Key>();
    case Isa::baseline: break;
  }
#endif
  return baseline::kernels<Key>();
}

template const Kernels<std::int32_t>& fastest_kernels<std::int32_t>();
template const Kernels<std::int64_t>& fastest_kernels<std::int64_t>();

}  // namespace topoeval::image
