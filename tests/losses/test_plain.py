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
    expected = {
        "cross_entropy": entropy,
        "dice": dice.mean(),
        "mse": ((p - target) ** 2).mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(LOSSES.load(name)()(logits, target), value)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_has_a_card(name):
    """The name on the card is the name in the registry."""
    info = LOSSES.load(name).info
    assert info.name == name
    assert info.needs_target != info.needs_prior
    assert info.citation
