"""
Plain or framed: what the edge of the image does
================================================

A patch cuts structures. With a plain border a membrane that leaves the image encloses nothing.
With a framed border the edge counts as foreground, and every cell is a hole.
"""

import matplotlib.pyplot as plt

from topoeval import Topology
from topoeval.datasets import load
from topoeval.metrics import betti_numbers

mask = load("membranes", "test", 1)[0].target[0] >= 0.5

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, border in zip(axes, ("plain", "framed"), strict=True):
    components, holes = betti_numbers(mask, Topology("T", border=border), spatial_dims=2)
    ax.imshow(mask, cmap="gray_r")
    ax.set_title(f"{border}: {components} component(s), {holes} hole(s)")
    ax.set_axis_off()
