"""
Dice does not see a cut
=======================

A cut of two voxels costs three thousandths of Dice, and of clDice too, and breaks the network in
two. The Betti error says so.
"""

import matplotlib.pyplot as plt

from topoeval import Topology
from topoeval.datasets import load
from topoeval.metrics import betti_error, cldice, dice

truth = load("network", "test", 1)[0].target[0] >= 0.5
crossed = truth.sum(0)
column = 32 + crossed[32:96].argmin()  # the fewest voxels, in the middle of the image
cut = truth.copy()
cut[:, column : column + 2] = False

topology = Topology("T")
figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for ax, mask, name in zip(axes, (truth, cut), ("truth", "cut"), strict=True):
    ax.imshow(mask, cmap="gray_r")
    error = betti_error(mask, truth, topology, spatial_dims=2).sum()
    ax.set_title(
        f"{name}: Dice {float(dice(mask, truth, spatial_dims=2)):.3f}, "
        f"clDice {float(cldice(mask, truth, spatial_dims=2)):.3f}, Betti error {error:.0f}",
        fontsize=9,
    )
    ax.set_axis_off()
