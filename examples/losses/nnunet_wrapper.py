"""nnU-Net's deep supervision wrapper round one of our losses, without a trainer of ours.

With one, see docs/nnunet.md.
"""

import torch
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper

from topoeval.losses import adapt

# called as nnU-Net calls its losses: logits, and int16 labels (B, 1, *spatial), of each resolution
loss = DeepSupervisionWrapper(
    adapt("skeleton_recall", softmax=True, include_background=False, to_onehot_y=True),
    weight_factors=(2 / 3, 1 / 3),
)
labels = torch.zeros(2, 1, 32, 32, dtype=torch.int16)
labels[..., 8:24, 8:12] = 1
targets = [labels, labels[..., ::2, ::2]]
outputs = [torch.zeros(2, 2, *target.shape[2:], requires_grad=True) for target in targets]
value = loss(outputs, targets)
value.backward()
print(f"loss {value.item():.3f}")
# it asks for more foreground on the vessel, at both resolutions
assert all(output.grad[:, 1].sum() < 0 for output in outputs)
