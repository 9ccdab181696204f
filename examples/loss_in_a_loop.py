"""A topological loss in a plain torch loop: noisy rings, Dice and then the Betti prior, too."""

import torch

from topoeval.losses import BettiPriorLoss, DiceLoss
from topoeval.metrics import betti_error
from topoeval.topology import Topology

torch.manual_seed(0)
rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
radius = ((rows - 11.5) ** 2 + (columns - 11.5) ** 2).sqrt()
target = ((radius > 5) & (radius < 9)).float().expand(8, 1, 24, 24)
images = target + 0.7 * torch.randn(target.shape)

network = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 5, padding=2)
)
dice = DiceLoss(sigmoid=True)
prior_loss = BettiPriorLoss(sigmoid=True)
prior = torch.tensor([[1, 1]]).expand(8, 2)  # each image shows one ring with one hole
optimiser = torch.optim.Adam(network.parameters(), 1e-2)


def error():
    """The mean Betti error of the predicted masks."""
    with torch.no_grad():
        masks = network(images) > 0
    return float(betti_error(masks, target > 0.5, Topology(), spatial_dims=2).mean())


for step in range(60):
    logits = network(images)
    loss = dice(logits, target)
    if step >= 30:
        loss = loss + 0.1 * prior_loss(logits, prior=prior)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 30 == 29:
        print(f"step {step + 1}: loss {loss.item():.3f}, Betti error {error():.2f}")
