"""Betti numbers of a mask depend on what touches: two squares that meet at a corner."""

import numpy as np

from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

mask = np.zeros((8, 8), bool)
mask[1:4, 1:4] = mask[4:7, 4:7] = True
for name in ("V", "T"):
    topology = Topology.parse(name)
    components, holes = betti_numbers(mask, topology, spatial_dims=2)
    print(f"{topology.describe(2)}: {components} component(s), {holes} hole(s)")
