"""
The threshold is part of the result
===================================

A network's map has other Betti numbers at every threshold. Half is not the best one for topology:
choose it on validation images, and compare methods each at its own.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

from topoeval import Topology
from topoeval.datasets import load
from topoeval.metrics import betti_error, dice

truth = load("network", "test", 1)[0].target[0] >= 0.5
noise = np.random.default_rng(0).normal(size=truth.shape)
field = gaussian_filter(4.0 * truth - 2.0, 1.5) + 3.5 * gaussian_filter(noise, 2.0)
chance = 1 / (1 + np.exp(-2 * field))

thresholds = np.linspace(0.05, 0.95, 46)
masks = chance >= thresholds[:, None, None]
same = np.broadcast_to(truth, masks.shape)
errors = betti_error(masks, same, Topology("T"), spatial_dims=2).sum(-1)
overlaps = dice(masks, same, spatial_dims=2)

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(thresholds, errors, color="tab:red", label="Betti error")
ax.set_xlabel("threshold")
ax.set_ylabel("Betti error", color="tab:red")
right = ax.twinx()
right.plot(thresholds, overlaps, color="tab:blue", label="Dice")
right.set_ylabel("Dice", color="tab:blue")
print(f"lowest Betti error at {thresholds[np.argmin(errors)]:.2f}")
print(f"highest Dice at {thresholds[np.argmax(overlaps)]:.2f}")
