"""Scores of two folders of masks, as ``topoeval evaluate`` computes them, from Python."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from topoeval.evaluate import evaluate

ring = np.zeros((32, 32), np.uint8)
ring[8:24, 8:24] = 1
ring[12:20, 12:20] = 0

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for part, widths in (("predictions", (0, 1)), ("truth", (0, 0))):
        (folder / part).mkdir()
        for case, width in enumerate(widths):
            mask = ring.copy()
            mask[:, 15 : 15 + width] = 0  # a cut in the second prediction
            Image.fromarray(mask * 255).save(folder / part / f"case{case}.png")
    found = evaluate(folder / "predictions", folder / "truth")

print(found.cases[["case", "dice", "betti_error"]].to_string(index=False))
