"""
A wrong prior gives itself away
===============================

A feature that the image shows has a long bar; one that only the prior asks for has a short one.
`Repaired.shortest_bar` tells them apart, `Repaired.doubtful` warns below 0.1, and
`Options(evidence=...)` refuses to create what the map does not show.
"""

import matplotlib.pyplot as plt
import numpy as np

from topoeval.repair import Options, repair

rows, columns = np.mgrid[:32, :32]
radius = np.hypot(rows - 15.5, columns - 14.5)
chance = 1 / (1 + np.exp(2.0 * (np.abs(radius - 9) - 2.2)))
chance[13:18, 20:28] *= 0.45
chance += 0.01 * np.random.default_rng(0).normal(size=chance.shape)
chance = chance.clip(0, 1)

cases = (
    ("right prior (1, 1)", (1, 1), None),
    ("wrong prior (1, 3)", (1, 3), None),
    ("wrong, evidence 0.1", (1, 3), Options(evidence=0.1)),
)
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, wanted, options) in zip(axes, cases, strict=True):
    result = repair(chance, wanted, options=options)
    ax.imshow(result.mask, cmap="gray_r")
    ax.set_title(f"{name}: {result.after}\nshortest bar {result.shortest_bar:.2f}", fontsize=9)
    ax.set_axis_off()
    print(f"{name}: met {result.met}, doubtful {result.doubtful}")
