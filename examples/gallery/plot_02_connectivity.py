"""
V against T: what touches
=========================

Two squares that meet at a corner are one component or two. Which, decides the counts of a score:
the same mask has other Betti numbers in the two constructions, so every number names its own.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval import Topology
from topoeval.metrics import betti_numbers

mask = np.zeros((9, 9), bool)
mask[1:5, 1:5] = mask[5:8, 5:8] = True
mask[2:4, 2:4] = False
mask[1, 4] = False  # now the wall of the hole is closed by a corner only

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, construction in zip(axes, ("V", "T"), strict=True):
    topology = Topology(construction)
    components, holes = betti_numbers(mask, topology, spatial_dims=2)
    ax.imshow(mask, cmap="gray_r")
    ax.set_title(f"{construction}: {components} component(s), {holes} hole(s)")
    ax.set_axis_off()
    print(topology.describe(2))
