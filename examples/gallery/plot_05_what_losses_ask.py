"""
What four losses ask of one map
===============================

The same broken ring, the same target. Blue: the loss wants more probability there, red: less.
Dice asks everywhere a little; the topological losses ask at few voxels.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from topoeval.losses import LOSSES

rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
radius = ((rows - 11.5) ** 2 + (columns - 10.5) ** 2).sqrt()
target = ((radius > 5) & (radius < 9)).double()[None, None]
logits = (3.0 - 2.0 * (radius - 7).abs()).clamp(-3, 3).double()
logits[10:14, 14:21] -= 3.0
logits[2:4, 21:23] = 1.0
logits += 0.05 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for ax, name in zip(axes, ("dice", "cldice", "betti_matching", "skeleton_recall"), strict=True):
    leaf = logits[None, None].clone().requires_grad_()
    loss = LOSSES.load(name)(sigmoid=True)
    (gradient,) = torch.autograd.grad(loss(leaf, target), leaf)
    pull = -gradient[0, 0].numpy()
    top = np.abs(pull).max()
    ax.imshow(pull, cmap="RdBu", vmin=-top, vmax=top)
    ax.contour(leaf[0, 0].detach().numpy() > 0, levels=[0.5], colors="black", linewidths=0.7)
    ax.set_title(loss.info.title)
    ax.set_axis_off()
