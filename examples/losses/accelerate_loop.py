"""A loop with Hugging Face's accelerate, in mixed precision: losses widen what they are given."""

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

from topoeval.losses import BettiPriorLoss, DiceLoss

torch.manual_seed(0)
accelerator = Accelerator(cpu=True, mixed_precision="bf16")
masks = torch.zeros(8, 1, 16, 16)
masks[..., 4:12, 4:12] = 1
loader = DataLoader(TensorDataset(masks + 0.3 * torch.randn(masks.shape), masks), batch_size=4)
network = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 1)
)
optimiser = torch.optim.Adam(network.parameters(), 1e-2)
network, optimiser, loader = accelerator.prepare(network, optimiser, loader)
dice, prior = DiceLoss(sigmoid=True), BettiPriorLoss((1, 0), sigmoid=True)

losses = []
for _ in range(5):
    for images, truth in loader:
        logits = network(images)
        loss = dice(logits, truth) + 0.01 * prior(logits)  # one component, no hole
        optimiser.zero_grad()
        accelerator.backward(loss)
        optimiser.step()
        losses.append(loss.item())
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
assert losses[-1] < losses[0]
