"""Means over mirrored views."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from topoeval.training import Views, Window, predict
from topoeval.training.classes import class_maps
from topoeval.training.flips import mean_of_mirrored, mirrored, views


class Slanted(nn.Module):
    """Looks at a voxel and, more, at one side of it: a mirrored image has another answer."""

    def __init__(self, channels=1):
        super().__init__()
        self.channels = channels

    def forward(self, images):
        shifted = images
        for axis in range(2, images.ndim):
            shifted = shifted.roll(1, axis)
        logits = 2 * images - 3 * shifted
        return torch.cat([logits * (c + 1) for c in range(self.channels)], dim=1)


@pytest.mark.parametrize("shape", [(3, 1, 5, 7), (2, 1, 4, 5, 6)])
def test_every_view_is_mirrored_back(shape):
    """The views are all 2^d, different, and the mean of them as they are is the image."""
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    seen = mirrored(images)
    ndim = len(shape) - 2
    assert len(seen) == 2**ndim * shape[0]
    assert len({tuple(one.flatten().tolist()) for one in seen}) == len(seen)
    assert torch.equal(seen[: shape[0]], images)
    torch.testing.assert_close(mean_of_mirrored(seen), images)
    assert views(ndim)[0] == ()


@pytest.mark.parametrize("shape", [(5, 1, 6, 8), (3, 1, 4, 6, 8)])
@pytest.mark.parametrize("window", [None, Window(8)])
def test_a_prediction_is_the_mean_over_all_views(shape, window):
    """Whatever the batches are; by numpy and one view after another."""
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    axes = range(1, len(shape) - 1)
    answers = []
    for count in range(len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            view = torch.from_numpy(np.flip(images.numpy(), [a + 1 for a in chosen]).copy())
            answer = predict(Slanted(), view, window=window).numpy()
            answers.append(np.flip(answer, [a + 1 for a in chosen]))
    for batch_size in (1, 2, 64):
        found = predict(Slanted(), images, batch_size, window=window, views=Views(flips=True))
        np.testing.assert_allclose(found, np.mean(answers, axis=0), atol=1e-6)
    alone = predict(Slanted(), images, window=window)
    assert (alone - found).abs().max() > 0.05


def test_a_network_that_mirrors_with_its_image_is_not_changed():
    """Then all views have the same answer."""

    class Pointwise(nn.Module):
        def forward(self, images):
            return 3 * images - 1

    images = torch.rand(2, 1, 6, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        predict(Pointwise(), images, views=Views(flips=True)), predict(Pointwise(), images)
    )


def test_exclusive_classes_stay_exclusive_in_the_mean():
    """Two views that disagree by the same margin leave both classes at a half: one is predicted."""
    logits = torch.full((4, 3, 1, 1), -5.0)  # a background and two classes
    logits[:2, 1], logits[:2, 2] = 1.0, 0.0
    logits[2:, 1], logits[2:, 2] = 0.0, 1.0
    maps = class_maps(logits, softmax=True)
    both = mean_of_mirrored(maps)
    assert (both >= 0.5).sum() == 2, "the tie that this is about"
    one = Views(flips=True).mean(maps, exclusive=True)
    assert (one >= 0.5).flatten().tolist() == [True, False]
    torch.testing.assert_close(one, both)
    images = torch.rand(4, 1, 9, 9, generator=torch.Generator().manual_seed(3))
    found = predict(Slanted(3), images, softmax=True, views=Views(flips=True))
    assert ((found >= 0.5).sum(1) <= 1).all()
    assert (found >= 0.5).any()


def test_answers_that_are_not_all_views():
    """Three answers are not those of four views."""
    with pytest.raises(ValueError, match="3 answers are not those of 4 views"):
        mean_of_mirrored(torch.zeros(3, 1, 4, 4))
