"""
Backends give the same barcode
==============================

The engine of this package and a second one, written in torch, on the same noisy image: the same
bars. ``topoeval check NAME`` asks the same of a backend of your own.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval import Topology
from topoeval.persistence import compute
from topoeval.plot import plot_diagram

image = np.random.default_rng(0).random((1, 24, 24)).astype(np.float32)
figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
found = []
for ax, name in zip(axes, ("native", "torch"), strict=True):
    bars = compute(image, Topology("T"), spatial_dims=2, backend=name)
    plot_diagram(bars, ax=ax)
    ax.set_xlabel(f"birth ({name})")
    print(f"{name}: {len(bars.birth)} bars")
    found.append(sorted(zip(bars.dim, bars.birth, bars.death, strict=True)))
print("equal:", found[0] == found[1])
