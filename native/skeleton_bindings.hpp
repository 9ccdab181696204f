// The Python face of soft skeletons.
#pragma once

#include <nanobind/nanobind.h>

namespace topoeval {

void bind_soft_skeleton(nanobind::module_& module);

}  // namespace topoeval
