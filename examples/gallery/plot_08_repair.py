"""
Repair a map without training
=============================

The prior says one ring. `repair` closes the gap along the cheapest path and deletes the speck; it
lists every edit with its price and the bar that speaks for it.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval.repair import repair

rows, columns = np.mgrid[:32, :32]
radius = np.hypot(rows - 15.5, columns - 14.5)
chance = 1 / (1 + np.exp(2.0 * (np.abs(radius - 9) - 2.2)))
chance[13:18, 20:28] *= 0.45  # a gap
chance[3:6, 27:30] = 0.7  # a speck

result = repair(chance, (1, 1))
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
pictures = ((chance, "map"), (chance >= 0.5, "mask before"), (result.mask, "mask after"))
for ax, (picture, name) in zip(axes, pictures, strict=True):
    ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(name)
    ax.set_axis_off()
axes[1].set_title(f"before: {result.before}")
axes[2].set_title(f"after: {result.after}")

# %%
# What was done, in this order:
for edit in result.edits:
    print(f"{edit.kind}: {edit.size} voxels, cost {edit.cost:.1f}, bar {edit.bar:.2f}")
