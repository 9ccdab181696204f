"""Voxels of which the labels say nothing: no loss, no gradient, no score depends on them."""

import numpy as np
import pytest
import torch

from topoeval import networks
from topoeval.datasets.classes import TargetClasses
from topoeval.datasets.sample import Sample
from topoeval.topology import Topology
from topoeval.training import Schedule, TensorSet, build_term, fit
from topoeval.training.augment import Augmentation, varied_batch

T = Topology("T", "superlevel", "plain")
ONE, TWO, REGIONS = (
    TargetClasses(("a",)),
    TargetClasses(("a", "b"), exclusive=True),
    TargetClasses(("a", "b")),
)
NEEDED = {"topo_interaction": {"exclusion": [[1, 2]]}}
# losses whose value is a mean over voxels, and one of each other kind
NAMED = (
    "cross_entropy", "dice", "dice_cross_entropy", "mse", "cldice", "betti_matching", "betti_prior",
    "skeleton_recall", "clce", "boundary", "warping",
)  # fmt: skip


def batch(classes, seed=0):
    """Return logits, targets, priors and what counts: all but a band of each of two images."""
    rng = np.random.default_rng(seed)
    target = np.zeros((2, len(classes.names), 16, 16), np.float32)
    target[:, 0, 3:12, 2:7] = 1
    target[:, 0, 5:9, 4] = 0
    if len(classes.names) > 1:
        target[:, 1, 3:13, 10:13] = 1
    counted = np.ones((2, 1, 16, 16), bool)
    counted[:, :, 10:, :] = False
    target = np.where(counted, target, 0)
    logits = rng.normal(size=(2, classes.channels, 16, 16)).astype(np.float32)
    prior = torch.tensor([[1, 1]] * 2) if classes is ONE else torch.tensor([[[1, 1], [1, 0]]] * 2)
    return torch.tensor(logits), torch.tensor(target), prior, torch.tensor(counted)


@pytest.mark.parametrize("classes", [ONE, TWO, REGIONS], ids=["one", "exclusive", "regions"])
@pytest.mark.parametrize("name", NAMED)
def test_a_loss_does_not_see_them(name, classes):
    """The value is that of any other logits there, and the gradient there is exactly 0."""
    if classes is REGIONS and name in ("clce", "warping"):
        pytest.skip("refused: a softmax over regions that overlap")
    term = build_term(name, topology=T, classes=classes, params=dict(NEEDED.get(name, {})))
    logits, target, prior, counted = batch(classes)
    logits.requires_grad_(True)
    value = term(logits, target, prior, counted=counted)
    (gradient,) = torch.autograd.grad(value, logits)
    apart = counted.expand_as(gradient)
    assert not gradient[~apart].any()
    assert gradient[apart].any()
    other = torch.where(counted, logits.detach(), -logits.detach() + 3)
    torch.testing.assert_close(term(other, target, prior, counted=counted), value.detach())


@pytest.mark.parametrize("name", ["cross_entropy", "mse", "dice"])
def test_a_mean_is_over_those_that_count(name):
    """It is the loss of the part of the images that counts, as if they ended there."""
    term = build_term(name, topology=T, classes=ONE)
    logits, target, prior, counted = batch(ONE)
    whole = term(logits, target, prior, counted=counted)
    torch.testing.assert_close(whole, term(logits[:, :, :10], target[:, :, :10], prior))


def test_an_image_in_which_nothing_counts_is_worth_nothing():
    """And not 2,000 times the loss of a sure voxel."""
    term = build_term("cross_entropy", topology=T, classes=ONE)
    logits, target, prior, counted = batch(ONE)
    assert float(term(logits, target * 0, prior, counted=counted & False)) == 0


def test_deep_supervision_hides_them_in_every_output():
    """The mean of the outputs is taken as without ignored voxels."""
    term = build_term("cross_entropy", topology=T, classes=ONE)
    logits, target, prior, counted = batch(ONE)
    both = term([logits, 2 * logits], target, prior, counted=counted)
    one, two = (term(x, target, prior, counted=counted) for x in (logits, 2 * logits))
    torch.testing.assert_close(both, (2 * one + two) / 3)


def tensors(ignored, noise=0):
    """Return four images with a square; below, what the truth does not know."""
    rng = np.random.default_rng(1)
    samples = []
    for k in range(4):
        target = np.zeros((1, 16, 16), np.float32)
        target[0, 2:8, 2 + k : 8 + k] = 1
        image = target * 0.6 + rng.random((1, 16, 16), dtype=np.float32) * 0.3
        mask = np.zeros((1, 16, 16), bool)
        mask[:, 10:] = ignored
        samples.append(Sample(str(k), image, target, (1, 0), ignored=mask if ignored else None))
    return TensorSet.from_samples(samples)


def test_a_set_knows_which_voxels_count():
    """None where all do; a set without such voxels joins one with them."""
    plain, partly = tensors(False), tensors(True)
    assert plain.counted is None
    assert plain.batch(torch.tensor([1]))[3] is None
    joined = TensorSet.joined([plain, partly])
    assert joined.counted.flatten(1).sum(1).tolist() == [256] * 4 + [160] * 4
    maps = joined.without_ignored(torch.ones_like(joined.targets))
    assert maps.flatten(1).sum(1).tolist() == [256] * 4 + [160] * 4


@pytest.mark.parametrize("augmentation", [None, Augmentation(rotate=0, scale=0, blur=0)])
def test_training_does_not_depend_on_what_stands_there(augmentation):
    """Targets changed where nothing counts give the same network, bit for bit."""
    weights = []
    for wrong in (False, True):
        data = tensors(True)
        if wrong:
            data.targets[~data.counted] = 1
        torch.manual_seed(0)
        network = networks.build("unet", channels=[4, 8])
        terms = [build_term(name, topology=T) for name in ("cross_entropy", "cldice")]
        fit(network, terms, data, schedule=Schedule(2, 2), augmentation=augmentation)
        weights.append(torch.cat([one.flatten() for one in network.parameters()]))
    assert torch.equal(*weights)


def test_they_move_with_their_image():
    """A flip takes image, target and mask alike."""
    data = tensors(True)
    flip = Augmentation(flip=1, probability=0)
    images, targets, counted, settings = data.images, data.targets, data.counted, flip
    _, turned, mask = varied_batch(images, targets, counted, settings, 0)
    assert torch.equal(turned, targets.flip(2, 3))
    assert torch.equal(mask, counted.flip(2, 3))
