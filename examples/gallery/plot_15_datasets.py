"""
Datasets that are drawn
=======================

Six of the datasets need no download: their topology is known because it is drawn. Each sample
carries its Betti numbers in both constructions.
"""

import matplotlib.pyplot as plt

from topoeval.datasets import load

names = ("strokes", "cardiac", "network", "membranes", "placenta", "vessels")
figure, axes = plt.subplots(2, 6, figsize=(13, 4.6), layout="constrained")
for name, (top, bottom) in zip(names, axes.T, strict=True):
    sample = load(name, "test", 1)[0]
    image, target = sample.image[0], sample.target[0]
    if image.ndim == 3:
        image, target = image[len(image) // 2], target[len(target) // 2]
    top.imshow(image, cmap="gray")
    bottom.imshow(target, cmap="gray_r")
    top.set_title(f"{name} {sample.betti['T']}", fontsize=9)
    top.set_axis_off()
    bottom.set_axis_off()
