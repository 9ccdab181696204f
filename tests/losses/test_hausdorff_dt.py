"""Hausdorff distance loss: MONAI's values and gradients, and a slow distance."""

import itertools

import numpy as np
import pytest
import torch
from monai.losses import HausdorffDTLoss as Monai

from topoeval import UserError
from topoeval.losses import HausdorffDTLoss


@pytest.mark.parametrize("alpha", [1.0, 2.0])
@pytest.mark.parametrize("shape", [(2, 2, 12, 11), (2, 1, 7, 6, 8)])
def test_value_and_gradient_are_those_of_monai(shape, alpha):
    """For masks that have both phases."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator).requires_grad_()
    masks = (torch.rand(shape, generator=generator) > 0.6).float()
    options = {"sigmoid": True, "alpha": alpha}
    answers = []
    for loss in (HausdorffDTLoss(**options), Monai(include_background=True, **options)):
        value = loss(logits, masks)
        answers.append((value, *torch.autograd.grad(value, logits)))
    for ours, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_distances_by_all_pairs():
    """The formula written out, with voxels of another size along each axis."""
    rng = np.random.default_rng(0)
    mask, other = rng.random((2, 6, 7)) > 0.5
    p = np.where(other, 0.9, 0.2)
    voxels = list(itertools.product(range(6), range(7)))

    def distance(of, q):
        return min(np.hypot(2 * (q[0] - r[0]), q[1] - r[1]) for r in voxels if of[r] != of[q])

    expected = np.mean(
        [(p[q] - mask[q]) ** 2 * (distance(mask, q) ** 2 + distance(other, q) ** 2) for q in voxels]
    )
    tensors = (torch.from_numpy(x.astype(float))[None, None] for x in (p, mask))
    assert HausdorffDTLoss(spacing=(2, 1))(*tensors).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("arguments", [{"alpha": 0.0}, {"spacing": (1,)}, {"spacing": (0, 1)}])
def test_settings_out_of_range_are_refused(arguments):
    """When the loss is built."""
    with pytest.raises(UserError, match="positive"):
        HausdorffDTLoss(**arguments)


def test_a_spacing_of_another_rank_is_refused():
    """When images come."""
    with pytest.raises(UserError, match="3 numbers, and images are 2D"):
        HausdorffDTLoss(spacing=(1, 1, 1))(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
