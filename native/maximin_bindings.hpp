// The Python face of maximin pairs.
#pragma once

#include <nanobind/nanobind.h>

namespace topoeval {

void bind_maximin(nanobind::module_& module);

}  // namespace topoeval
