"""The plain losses equal what torch and the textbook say."""

import pytest
import torch
from torch.nn import functional as F

from topoeval.losses import LOSSES


@pytest.mark.parametrize("channels", [1, 3])
def test_values(channels):
    """Against formulas written out here."""
    torch.manual_seed(0)
    logits = torch.randn(2, channels, 6, 5)
    target = torch.rand(2, channels, 6, 5).softmax(1) if channels > 1 else torch.rand(2, 1, 6, 5)
    p = logits.softmax(1) if channels > 1 else logits.sigmoid()
    log = logits.log_softmax(1) if channels > 1 else F.logsigmoid(logits)
    if channels > 1:
        entropy = -(target * log).sum(1).mean()
    else:
        entropy = -(target * log + (1 - target) * F.logsigmoid(-logits)).mean()
    overlap = (p * target).sum((2, 3))
    dice = 1 - (2 * overlap + 1e-5) / (p.sum((2, 3)) + target.sum((2, 3)) + 1e-5)
    wrong = {"fp": (p * (1 - target)).sum((2, 3)), "fn": ((1 - p) * target).sum((2, 3))}
    tversky = 1 - (overlap + 1e-5) / (overlap + 0.3 * wrong["fp"] + 0.7 * wrong["fn"] + 1e-5)
    expected = {
        "cross_entropy": entropy,
        "dice": dice.mean(),
        "dice_cross_entropy": dice.mean() + entropy,
        "mse": ((p - target) ** 2).mean(),
        "tversky": tversky.mean(),
    }
    activation = {"softmax": True} if channels > 1 else {"sigmoid": True}
    for name, value in expected.items():
        loss = LOSSES.load(name)
        loss = loss(**activation) if loss.info.input == "probabilities" else loss()
        torch.testing.assert_close(loss(logits, target), value)


def test_focal_discounts_what_is_well_classified():
    """With gamma 0 it is the cross-entropy, with gamma each voxel is weighted by (1 - p)^gamma."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 6, 5), (torch.rand(2, 1, 6, 5) > 0.5).float()
    focal = LOSSES.load("focal")
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    torch.testing.assert_close(focal(gamma=0)(logits, target), entropy.mean())
    right = torch.where(target > 0, logits.sigmoid(), 1 - logits.sigmoid())
    torch.testing.assert_close(focal()(logits, target), ((1 - right) ** 2 * entropy).mean())


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_has_a_card(name):
    """The name on the card is the name in the registry."""
    info = LOSSES.load(name).info
    assert info.name == name
    assert info.needs_target != info.needs_prior
    assert info.citation
