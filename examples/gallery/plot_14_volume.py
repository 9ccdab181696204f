"""
Volumes: components, handles, cavities
======================================

In 3D a mask has three Betti numbers. A vessel with two loops has two handles; a shell has a
cavity, and a pinhole in its wall opens it.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval import Topology
from topoeval.datasets import load
from topoeval.metrics import betti_numbers

vessel = load("vessels", "test", 1)[0].target[0] >= 0.5
z, y, x = np.mgrid[:32, :32, :32] - 15.5
radius = np.sqrt(z**2 + y**2 + x**2)
shell = (radius > 8) & (radius < 12)
pierced = shell.copy()
pierced[16, 16, 16:] = False

figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, mask) in zip(
    axes, {"vessel": vessel, "shell": shell, "pierced shell": pierced}.items(), strict=True
):
    components, handles, cavities = betti_numbers(mask, Topology("T"), spatial_dims=3)
    ax.imshow(mask.sum(0), cmap="gray_r")
    ax.set_title(f"{name}: {components} component, {handles} handles,\n{cavities} cavities")
    ax.set_axis_off()
