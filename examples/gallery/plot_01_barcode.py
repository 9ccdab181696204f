"""
Read a barcode aloud
====================

The threshold falls from bright to dark. A bar begins where a feature is born and ends where it
dies; the image shows the pixels at which both happen.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval import Topology
from topoeval.persistence import compute
from topoeval.plot import plot_barcode, plot_image

image = np.zeros((24, 24))
image[3:19, 3:19] = 0.9  # a ring ...
image[8:14, 8:14] = 0.1
image[3:8, 10:12] = 0.55  # ... with a weak place at the top
image[20:23, 20:23] = 0.4  # and a faint speck beside it

bars = compute(image[None], Topology("T"), spatial_dims=2)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
plot_image(image, bars, ax=left)
plot_barcode(bars, ax=right)

# %%
# Two components: the ring is born at 0.9 and never dies; the speck is born at 0.4 and dies at 0.0.
# The hole is born at 0.55, when the weak place closes the ring, and dies at 0.1, when it is filled.
for dim, birth, death in zip(bars.dim, bars.birth, bars.death, strict=True):
    print(f"dimension {dim}: from {birth:.2f} down to {death:.2f}")
