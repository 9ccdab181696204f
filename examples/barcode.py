"""The barcode of an image: which components and holes it has, and how strong each is."""

import numpy as np

from topoeval.persistence import compute
from topoeval.topology import Topology

# a bright ring with a weak place, and a faint speck beside it
image = np.zeros((1, 16, 16), np.float32)
image[0, 3:12, 3:12] = 0.9
image[0, 6:9, 6:9] = 0.0
image[0, 3:6, 7] = 0.6
image[0, 14, 14] = 0.2

bars = compute(image, Topology.parse("T-superlevel-plain"), spatial_dims=2)
for dim, name in enumerate(["components", "holes"]):
    part = bars.select(dim=dim)
    print(name)
    for birth, death in zip(part.birth, part.death, strict=True):
        print(f"  from {birth:.1f} down to {death:.1f}")
