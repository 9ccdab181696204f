"""The plain losses equal what torch, MONAI and the textbook say."""

import pytest
import torch
from monai import losses as monai
from torch.nn import functional as F

from topoeval.losses import LOSSES, DiceLoss, FocalLoss, TverskyLoss
from topoeval.testing.loss_subject import as_classes


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


def outcome(loss, logits, target):
    """Return what a loss answers and its gradient."""
    logits = logits.clone().requires_grad_()
    value = loss(logits, target)
    value.mean().backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(2, 1, 7, 5), (3, 3, 6, 8), (2, 2, 5, 4, 3)])
def test_value_and_gradient_are_those_of_monai(shape, binary):
    """Of masks and of grey targets, with one channel and with several, for every parameter."""
    torch.manual_seed(0)
    logits, target = 2 * torch.randn(shape), torch.rand(shape)
    target = (target > 0.6).float() if binary else target
    several = shape[1] > 1
    if several:
        target = as_classes(target) if binary else target.softmax(1)
    activation = {"softmax": True} if several else {"sigmoid": True}
    pairs = [
        (
            DiceLoss(squared_pred=squared, reduction="none", **activation),
            monai.DiceLoss(squared_pred=squared, reduction="none", **activation),
        )
        for squared in (False, True)
    ]
    pairs += [
        (
            TverskyLoss(alpha=alpha, beta=beta, reduction="none", **activation),
            monai.TverskyLoss(alpha=alpha, beta=beta, reduction="none", **activation),
        )
        for alpha, beta in ((0.3, 0.7), (1.0, 0.2))
    ]
    pairs += [
        (
            FocalLoss(gamma=gamma, alpha=alpha, reduction="none"),
            monai.FocalLoss(gamma=gamma, alpha=alpha, use_softmax=several, reduction="none"),
        )
        for gamma, alpha in ((2.0, None), (1.5, 0.25), (0.0, 0.9))
    ]
    for ours, theirs in pairs:
        value, gradient = outcome(ours, logits, target)
        expected, expected_gradient = outcome(
            lambda x, y, theirs=theirs: theirs(x, y).reshape(*x.shape[:2], -1).mean(2),
            logits,
            target,
        )
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_has_a_card(name):
    """The name on the card is the name in the registry."""
    info = LOSSES.load(name).info
    assert info.name == name
    assert info.needs_target != info.needs_prior
    assert info.citation
