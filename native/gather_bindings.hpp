// topoeval._native.gather_bars: the values of bars, and their voxels as one table.
#pragma once

#include <nanobind/nanobind.h>

namespace topoeval {

void bind_gather(nanobind::module_& module);

}  // namespace topoeval
