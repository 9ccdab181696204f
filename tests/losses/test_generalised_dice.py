"""Generalised Dice: MONAI's values and gradients, and the weights of absent classes."""

import pytest
import torch
from monai.losses import GeneralizedDiceLoss

from topoeval.losses import DiceLoss, GeneralisedDiceLoss


def case(classes, *, seed=0, shape=(9, 8)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((3, classes, *shape), generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (3, *shape), generator=generator)
    masks = torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).double()
    return logits.requires_grad_(), masks


@pytest.mark.parametrize("include_background", [True, False])
@pytest.mark.parametrize("shape", [(9, 8), (5, 4, 6)])
def test_value_and_gradient_are_those_of_monai(shape, include_background):
    """With classes of random sizes, present in every image."""
    logits, masks = case(3, shape=shape)
    options = {"softmax": True, "include_background": include_background}
    ours = GeneralisedDiceLoss(**options)(logits, masks)
    theirs = GeneralizedDiceLoss(**options, smooth_nr=0, smooth_dr=0)(logits, masks)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits), rtol=1e-3, atol=1e-8
    )


def test_an_absent_class_weighs_as_the_smallest():
    """As in MONAI."""
    logits, masks = case(3)
    masks[:, 0] += masks[:, 2]
    masks[:, 2] = 0
    ours = GeneralisedDiceLoss(softmax=True)(logits, masks)
    theirs = GeneralizedDiceLoss(softmax=True, smooth_nr=0, smooth_dr=0)(logits, masks)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_one_channel_is_dice():
    """Where the weight cancels, and where there is nothing to weigh."""
    logits, masks = case(2)
    for target in (masks[:, :1], 0 * masks[:, :1]):
        ours = GeneralisedDiceLoss(sigmoid=True, reduction="none")(logits[:, :1], target)
        dice = DiceLoss(sigmoid=True, reduction="none")(logits[:, :1], target)
        torch.testing.assert_close(ours, dice, rtol=1e-5, atol=1e-6)
