"""
The right count at the wrong place
==================================

Prediction and truth have one hole each, so the Betti error is 0. The Betti matching error asks
whether they are the *same* hole: it is 2, one that is missing and one that is too much.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval import Topology
from topoeval.metrics import betti_error, betti_matching_error

truth = np.zeros((20, 32), bool)
truth[4:16, 2:30] = True
prediction = truth.copy()
truth[7:13, 5:11] = False
prediction[7:13, 21:27] = False

topology = Topology("T")
counted = betti_error(prediction, truth, topology, spatial_dims=2).sum()
matched = betti_matching_error(prediction, truth, topology, spatial_dims=2).sum()
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
figure.suptitle(f"Betti error {counted:.0f}, Betti matching error {matched:.0f}")
for ax, mask, name in zip(axes, (truth, prediction), ("truth", "prediction"), strict=True):
    ax.imshow(mask, cmap="gray_r")
    ax.set_title(name)
    ax.set_axis_off()
