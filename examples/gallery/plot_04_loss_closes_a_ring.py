"""
A loss closes a ring
====================

A broken ring and a speck; the prior says one component and one hole. Gradient descent on the map
itself shows what `BettiPriorLoss` asks of a network: the gap closes, the speck goes.
"""

import matplotlib.pyplot as plt
import torch

from topoeval import Topology
from topoeval.losses import BettiPriorLoss
from topoeval.metrics import betti_numbers

rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
radius = ((rows - 11.5) ** 2 + (columns - 10.5) ** 2).sqrt()
logits = 3.0 - 2.5 * (radius - 7).abs()
logits = logits.clamp(-3, 3)
logits[10:14, 14:21] -= 2.0  # the gap
logits[2:4, 21:23] = 1.0  # the speck
logits = logits[None, None].requires_grad_()

topology = Topology("T")
loss = BettiPriorLoss(prior=(1, 1), topology=topology, sigmoid=True)
optimiser = torch.optim.Adam([logits], lr=0.1)
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for step in range(61):
    if step % 20 == 0:
        ax = axes[step // 20]
        mask = (logits[0, 0] > 0).numpy()
        components, holes = betti_numbers(mask, topology, spatial_dims=2)
        ax.imshow(logits[0, 0].detach().sigmoid().numpy(), cmap="gray_r", vmin=0, vmax=1)
        ax.contour(mask, levels=[0.5], colors="tab:red")
        ax.set_title(f"step {step}: {components} component(s), {holes} hole(s)", fontsize=9)
        ax.set_axis_off()
    optimiser.zero_grad()
    loss(logits).backward()
    optimiser.step()
