"""
Score a folder of predictions
=============================

What ``topoeval evaluate PREDICTIONS TRUTH`` does, from Python: pairs by name, one row per case.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from topoeval.datasets import load
from topoeval.evaluate import evaluate

rng = np.random.default_rng(0)
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for sample in load("network", "test", 12):
        truth = sample.target[0] >= 0.5
        prediction = truth.copy()
        for row, column in rng.integers(0, 110, (rng.integers(0, 5), 2)):
            prediction[row : row + 12, column : column + 12] = False  # missed patches
        for part, mask in (("predictions", prediction), ("truth", truth)):
            (folder / part).mkdir(exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / part / f"{sample.case}.png")
    found = evaluate(folder / "predictions", folder / "truth")

cases = found.cases
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.scatter(cases["dice"], cases["betti_error"])
ax.set_xlabel("Dice")
ax.set_ylabel("Betti error")
print(cases[["case", "dice", "cldice", "betti_error"]].round(3).to_string(index=False))
