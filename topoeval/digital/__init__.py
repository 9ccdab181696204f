"""Digital topology: what can be said, voxel by voxel, under a `topoeval.Topology`.

Simple points, homotopic deformation, thinning and maximin paths are numpy;
`topoeval.digital.soft_skeleton` is torch and imported by those who need it.
"""

from topoeval.digital.homotopy import warp
from topoeval.digital.maximin import maximin_pairs
from topoeval.digital.simple_points import simple_points
from topoeval.digital.thinning import thin

__all__ = ["maximin_pairs", "simple_points", "thin", "warp"]
