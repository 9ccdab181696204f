"""Blob loss: against a loop over components that masks the others, as the paper describes it."""

import numpy as np
import pytest
import torch
from scipy.ndimage import generate_binary_structure, label

from topoeval import Topology
from topoeval.losses import BlobLoss, DiceLoss


def by_components(p, mask, structure):
    """Return the mean of Dice over the components, each with the others masked out."""
    labels, n = label(mask, structure)
    costs = []
    for k in range(1, n + 1):
        domain = torch.from_numpy((labels == 0) | (labels == k)).double()
        component = torch.from_numpy(labels == k).double()
        costs.append(DiceLoss()((p * domain)[None, None], component[None, None]))
    return torch.stack(costs).mean() if costs else torch.tensor(0.0, dtype=torch.float64)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(13, 12), (6, 7, 5)])
def test_value_and_gradient_are_those_of_the_loop(shape, construction):
    """Of random masks with many components, one of them empty."""
    rng = np.random.default_rng(0)
    masks = rng.random((4, 2, *shape)) < 0.25
    masks[1, 1] = False
    p = torch.from_numpy(rng.random(masks.shape)).requires_grad_()
    loss = BlobLoss(topology=Topology(construction), reduction="none")
    ours = loss(p, torch.from_numpy(masks).double())
    structure = generate_binary_structure(len(shape), 1 if construction == "V" else len(shape))
    theirs = torch.stack(
        [by_components(p[b, c], masks[b, c], structure) for b in range(4) for c in range(2)]
    ).reshape(4, 2)
    torch.testing.assert_close(ours, theirs)
    (gradient,) = torch.autograd.grad(ours.sum(), p)
    torch.testing.assert_close(gradient, torch.autograd.grad(theirs.sum(), p)[0])


def test_a_small_component_counts_as_a_large_one():
    """Missing either costs half; of volume they are far apart."""
    target = torch.zeros(1, 1, 12, 12)
    target[..., :7, :7], target[..., 10, 10] = 1, 1
    large, small = target.clone(), target.clone()
    large[..., :7, :7], small[..., 10, 10] = 0, 0
    assert BlobLoss()(large, target) == pytest.approx(0.5, abs=1e-4)
    assert BlobLoss()(small, target) == pytest.approx(0.5, abs=1e-4)


def test_the_dark_phase_has_components_too():
    """Under a sublevel topology, as those of the negative under a superlevel one."""
    p, target = torch.rand(1, 1, 9, 9), (torch.rand(1, 1, 9, 9) > 0.5).float()
    dark = BlobLoss(topology=Topology("T", "sublevel"))(1 - p, 1 - target)
    torch.testing.assert_close(dark, BlobLoss(topology=Topology("T", "superlevel"))(p, target))
