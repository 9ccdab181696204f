"""
Compare two models' predictions
===============================

Differences case by case, with an interval; a winner is named only where the cases separate the
two. ``topoeval compare A B TRUTH`` does the same for folders.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from topoeval import Topology
from topoeval.datasets import load
from topoeval.evaluate.comparison import compare_predictions
from topoeval.metrics import betti_error, dice

rng = np.random.default_rng(0)
truth = np.stack([sample.target[0] >= 0.5 for sample in load("network", "test", 20)])
models = {}
for name, share in (("careful", 0.001), ("hasty", 0.004)):
    masks = truth & (rng.random(truth.shape) > share)  # each model loses single voxels
    models[name] = pd.DataFrame(
        {
            "case": [f"case {i}" for i in range(len(truth))],
            "class": "foreground",
            "dice": dice(masks, truth, spatial_dims=2),
            "betti_error": betti_error(masks, truth, Topology("T"), spatial_dims=2).sum(-1),
            "prediction_empty": False,
            "target_empty": False,
        }
    )

comparison = compare_predictions(models, ["dice", "betti_error"])
print("\n".join(comparison.verdict()))

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, row in zip(axes, comparison.table.to_dict("records"), strict=True):
    wide = comparison.scores[comparison.scores["score"] == row["score"]]
    ax.scatter(wide["careful"], wide["hasty"])
    ends = [wide[["careful", "hasty"]].min().min(), wide[["careful", "hasty"]].max().max()]
    ax.plot(ends, ends, color="gray", linewidth=0.8)
    ax.set_xlabel("careful")
    ax.set_ylabel("hasty")
    ax.set_title(
        f"{row['score']}: {row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    )
