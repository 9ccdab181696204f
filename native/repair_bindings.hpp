// The Python face of the repair.
#pragma once

#include <nanobind/nanobind.h>

namespace topoeval {

void bind_repair(nanobind::module_& module);

}  // namespace topoeval
