"""
Audit the labels before judging anyone
======================================

Specks and pinholes of few voxels in the *labels* dominate Betti numbers. ``topoeval audit LABELS``
counts them, and says where connectivity changes the counts.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from topoeval.datasets import load
from topoeval.evaluate import audit

rng = np.random.default_rng(0)
with tempfile.TemporaryDirectory() as name:
    for sample in load("membranes", "test", 6):
        mask = sample.target[0] >= 0.5
        mask ^= rng.random(mask.shape) < 0.002  # a careless brush
        Image.fromarray(mask.astype(np.uint8) * 255).save(Path(name, f"{sample.case}.png"))
    cases = audit(name).cases

columns = [name for name in cases if name.startswith(("specks_", "pinholes_"))]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
cases[columns].mean().plot.barh(ax=ax)
ax.set_xlabel("number in a label, mean of 6")
print(cases[["case", "b0_V", "b0_T", "b1_V", "b1_T"]].to_string(index=False))
