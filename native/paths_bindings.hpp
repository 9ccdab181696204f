// The Python face of paths through skeletons and the cheapest ways along them.
#pragma once

#include <nanobind/nanobind.h>

namespace topoeval {

void bind_paths(nanobind::module_& module);

}  // namespace topoeval
