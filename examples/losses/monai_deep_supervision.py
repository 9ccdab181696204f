"""MONAI's deep supervision with clDice: labels, three resolutions, MONAI's words throughout."""

import torch
from monai.losses import DeepSupervisionLoss
from monai.networks.nets import DynUNet

from topoeval.losses import adapt

torch.manual_seed(0)
network = DynUNet(
    spatial_dims=2,
    in_channels=1,
    out_channels=3,
    kernel_size=[3, 3, 3, 3],
    strides=[1, 2, 2, 2],
    upsample_kernel_size=[2, 2, 2],
    filters=[4, 8, 8, 8],
    deep_supervision=True,
    deep_supr_num=2,
)
dice = adapt("dice_cross_entropy", to_onehot_y=True, ignore_index=255)
cldice = adapt("cldice", softmax=True, include_background=False, to_onehot_y=True, ignore_index=255)
everywhere = DeepSupervisionLoss(dice)
optimiser = torch.optim.Adam(network.parameters(), 1e-2)

labels = torch.zeros(2, 1, 32, 32)
labels[..., 8:24, 8:12] = 1  # a vessel
labels[..., 8:12, 12:24] = 2  # and its branch
labels[..., 28:, :] = 255  # nobody has looked here
images = labels * (labels < 255) + 0.1 * torch.randn(labels.shape)

losses = []
for _ in range(10):
    outputs = list(torch.unbind(network(images), dim=1))  # full resolution first
    # plain losses at all resolutions, topology at the full one: lower ones have another topology
    loss = everywhere(outputs, labels) + 0.5 * cldice(outputs[0], labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
assert losses[-1] < losses[0]
