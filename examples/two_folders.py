"""A suite on images and labels of one's own: two folders whose files have the same names."""

from pathlib import Path

import numpy as np
from PIL import Image

SUITE = """
schema = 1
name = "two-folders"
title = "Rings of one's own"
seeds = [0]
methods = ["cross_entropy", "betti_prior"]

[start]
losses = [{ name = "cross_entropy" }]
training = { epochs = 2, batch_size = 4 }

[training]
epochs = 2
batch_size = 4

[[dataset]]
name = "folder"
params = { images = "images", labels = "labels", betti = [1, 1] }
"""

random = np.random.default_rng(0)
for folder in ("images", "labels"):
    Path(folder).mkdir(exist_ok=True)
for case in range(20):
    left, top = random.integers(2, 10, 2)
    label = np.zeros((32, 32), np.uint8)
    label[top : top + 20, left : left + 20] = 1
    label[top + 6 : top + 14, left + 6 : left + 14] = 0
    image = 90 * label + random.integers(0, 120, label.shape).astype(np.uint8)
    Image.fromarray(image).save(f"images/case{case:02}.png")
    Image.fromarray(255 * label).save(f"labels/case{case:02}.png")
Path("two-folders.toml").write_text(SUITE.lstrip(), encoding="utf-8")
print("Look at the plan: topoeval plan two-folders.toml; run it: topoeval run two-folders.toml")
