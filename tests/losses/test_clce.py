"""Centreline cross-entropy: both terms, written out."""

import pytest
import torch
from torch.nn import functional as F

from topoeval import UserError
from topoeval.digital.soft_skeleton import soft_skeleton
from topoeval.losses import ClCELoss
from topoeval.testing.loss_subject import as_classes


def random_case(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64)
    return logits, as_classes((torch.rand(shape, generator=generator) > 0.4).double())


@pytest.mark.parametrize("shape", [(3, 1, 14, 11), (2, 1, 7, 8, 6)])
def test_value_of_one_channel(shape):
    """Binary cross-entropy on either skeleton, divided by all voxels."""
    logits, target = random_case(*shape)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    parts = ClCELoss(iterations=2).parts(logits, target)
    for name, maps in (("target", target), ("prediction", logits.sigmoid())):
        expected = (entropy * soft_skeleton(maps, 2)).flatten(2).mean(2)
        torch.testing.assert_close(parts[name], expected)


def test_value_of_several_channels():
    """Softmax; each foreground class has its skeletons, the background none."""
    logits, _ = random_case(2, 3, 12, 13)
    labels = torch.randint(3, (2, 12, 13), generator=torch.Generator().manual_seed(0))
    target = F.one_hot(labels, 3).movedim(-1, 1).double()
    entropy = F.cross_entropy(logits, labels, reduction="none")[:, None]
    skeletons = soft_skeleton(target[:, 1:], 3) + soft_skeleton(logits.softmax(1)[:, 1:], 3)
    torch.testing.assert_close(ClCELoss()(logits, target), (entropy * skeletons).mean())


def test_the_prediction_skeleton_carries_gradient():
    """Without it the gradient would be that of a weighted cross-entropy."""
    logits, target = random_case(1, 1, 12, 13)
    logits.requires_grad_()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    constant = soft_skeleton(target, 3) + soft_skeleton(logits.sigmoid(), 3).detach()
    (full,) = torch.autograd.grad(ClCELoss()(logits, target), logits)
    (weighted,) = torch.autograd.grad((entropy * constant).mean(), logits)
    assert not torch.allclose(full, weighted)


@pytest.mark.parametrize("shape", [(1, 1, 7, 8), (1, 2, 4, 5, 4)])
def test_gradient_equals_finite_differences(shape):
    """Away from ties."""
    logits, target = random_case(*shape, seed=1)
    loss = ClCELoss(iterations=1)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits.requires_grad_(), eps=1e-6)


def test_empty_masks():
    """A confident empty prediction of an empty target costs nothing; each mistake is pulled at."""
    tube = torch.zeros(1, 1, 9, 15)
    tube[..., 3:6, 2:13] = 1
    empty = torch.zeros_like(tube)
    assert ClCELoss()(empty - 50, empty).item() == pytest.approx(0, abs=1e-6)
    for logits, target, sign in ((6 * tube - 3, empty, 1), (empty - 3, tube, -1)):
        logits = logits.requires_grad_()
        value = ClCELoss()(logits, target)
        value.backward()
        assert value > 0
        assert sign * logits.grad[..., 4, 4:11].sum() > 0


def test_negative_iterations_are_refused():
    """When the loss is built."""
    with pytest.raises(UserError, match="iterations"):
        ClCELoss(iterations=-1)
