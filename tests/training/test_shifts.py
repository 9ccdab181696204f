"""Means over shifted views, alone and with flips."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from topoeval.training import Views, Window, predict
from topoeval.training.classes import class_maps
from topoeval.training.shifts import mean_of_shifted, shifted, views


class Slanted(nn.Module):
    """Looks at a voxel and at one side of it, and knows where it is: each view differs."""

    def __init__(self, channels=1, *, place=0.0):
        super().__init__()
        self.channels, self.place = channels, place

    def forward(self, images):
        mean = images.mean(1, keepdim=True)
        looked = images[:, :1] + mean
        for axis in range(2, images.ndim):
            ramp = torch.arange(images.shape[axis]).reshape(-1, *[1] * (images.ndim - 1 - axis))
            looked = looked - mean.roll(1, axis) + self.place * ramp
        return torch.cat([2 * looked.roll(c, -1) - 1 for c in range(self.channels)], dim=1)


def plain(network, images, *, flips=False, softmax=False, window=None):
    """The mean over all views by numpy, one view after another; what is not covered is NaN."""
    axes = range(2, images.ndim)
    moves = [[0] * len(axes)]
    for axis in range(len(axes)):
        moves += [[by if a == axis else 0 for a in range(len(axes))] for by in (-1, 1)]
    mirrors = [()]
    if flips:
        mirrors = [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]
    answers = []
    for mirror in mirrors:
        flipped = np.flip(images.numpy(), mirror)
        for move in moves:
            view, place = flipped, np.moveaxis(np.indices(images.shape[2:]), 0, -1) + move
            for axis, by in zip(axes, move, strict=True):
                nearest = np.clip(np.arange(view.shape[axis]) + by, 0, view.shape[axis] - 1)
                view = view.take(nearest, axis)
            answer = predict(
                network, torch.from_numpy(view.copy()), softmax=softmax, window=window
            ).numpy()
            back = np.full(answer.shape, np.nan)
            for v in np.ndindex(images.shape[2:]):
                u = tuple(place[v])
                if all(0 <= x < side for x, side in zip(u, images.shape[2:], strict=True)):
                    back[(..., *u)] = answer[(..., *v)]
            answers.append(np.flip(back, mirror))
    return np.nanmean(answers, axis=0)


def random(*shape, seed=0):
    """Return grey values of a shape."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_views_are_windows_of_the_image_with_its_border_once_more():
    """Nothing comes round from the other side."""
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert views(2) == [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    assert shifted(image)[:, 0].tolist() == [
        [[0, 1, 2], [3, 4, 5]],
        [[0, 1, 2], [0, 1, 2]],
        [[3, 4, 5], [3, 4, 5]],
        [[0, 0, 1], [3, 3, 4]],
        [[1, 2, 2], [4, 5, 5]],
    ]


@pytest.mark.parametrize("shape", [(3, 2, 5, 7), (2, 1, 4, 5, 6), (2, 1, 6), (1, 1, 1, 4)])
def test_every_answer_goes_back_to_where_its_window_was(shape):
    """Answers that are the views themselves have the image as their mean, its border too."""
    images = random(*shape)
    seen = shifted(images)
    assert len(seen) == (2 * (len(shape) - 2) + 1) * shape[0]
    assert torch.equal(seen[: shape[0]], images)
    assert torch.equal(mean_of_shifted(seen), images)


def test_a_voxel_at_the_border_is_a_mean_over_the_views_that_cover_it():
    """Each view answers with its own number: 0 is the image; 1, 2 up and down; 4, 8 left, right."""
    numbers = torch.tensor([0.0, 1.0, 2.0, 4.0, 8.0]).reshape(5, 1, 1, 1).expand(5, 1, 3, 3)
    # the window that was moved by +1 (2, and 8) covers all but the first row (column)
    expected = [
        [(0 + 1 + 4) / 3, (0 + 1 + 4 + 8) / 4, (0 + 1 + 8) / 3],
        [(0 + 1 + 2 + 4) / 4, (0 + 1 + 2 + 4 + 8) / 5, (0 + 1 + 2 + 8) / 4],
        [(0 + 2 + 4) / 3, (0 + 2 + 4 + 8) / 4, (0 + 2 + 8) / 3],
    ]
    np.testing.assert_allclose(mean_of_shifted(numbers)[0, 0], expected, rtol=1e-6)


def test_a_network_that_knows_the_place_and_not_the_image():
    """It answers with its row; away from the border the mean of the rows is the row itself."""

    class Rows(nn.Module):
        def forward(self, images):
            rows = torch.arange(1.0, images.shape[2] + 1).div(8)  # probabilities
            return torch.logit(rows).reshape(-1, 1).expand_as(images)

    found = predict(Rows(), random(2, 1, 6, 5), views=Views(shifts=True))
    rows = torch.arange(1.0, 7).div(8).reshape(-1, 1).expand(6, 3)
    torch.testing.assert_close(found[0, 0, 1:5, 1:4], rows[1:5])
    # the first row: twice itself along it, once itself, and once the answer of row 2 to it
    torch.testing.assert_close(found[0, 0, 0, 1:4], torch.full((3,), (3 * 1 + 2) / 4 / 8))


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("window", [None, Window(4)])
@pytest.mark.parametrize("shape", [(5, 1, 6, 7), (2, 3, 5, 6), (3, 1, 4, 5, 6), (1, 2, 3, 4, 5)])
def test_a_prediction_is_the_mean_over_all_views(shape, window, flips):
    """Whatever the batches are; 2D and 3D, several channels of input, sliding windows."""
    network, images = Slanted(place=0.2), random(*shape, seed=1)
    expected = plain(network, images, flips=flips, window=window)
    for batch_size in (1, 2, 64):
        found = predict(
            network, images, batch_size, window=window, views=Views(flips=flips, shifts=True)
        )
        np.testing.assert_allclose(found, expected, atol=1e-6)
    alone = predict(network, images, window=window, views=Views(flips=flips))
    assert (alone - found).abs().max() > 0.02


def test_a_network_that_looks_at_single_voxels_is_not_changed():
    """Then all views that cover a voxel have the same answer."""

    class Pointwise(nn.Module):
        def forward(self, images):
            return 3 * images - 1

    for images in (random(2, 1, 6, 5), random(2, 1, 3, 4, 5)):
        found = predict(Pointwise(), images, views=Views(shifts=True))
        torch.testing.assert_close(found, predict(Pointwise(), images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("flips", [False, True])
def test_exclusive_classes_stay_exclusive_in_the_mean(flips):
    """Two views that disagree by the same margin leave both classes at a half: one is predicted."""
    maps = torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]])
    maps = maps.reshape(3, 2, 1).expand(3, 2, 4)  # at an end two of the three views cover a voxel
    both = mean_of_shifted(maps)
    assert (both >= 0.5).sum(1).tolist() == [[2, 1, 1, 2]], "the ties that this is about"
    one = Views(shifts=True).mean(maps, exclusive=True)
    assert (one >= 0.5)[0].tolist() == [[True, False, False, True], [False, True, True, False]]
    torch.testing.assert_close(one, both)

    images, network = random(4, 1, 9, 9, seed=3), Slanted(3)
    found = predict(network, images, softmax=True, views=Views(flips, shifts=True))
    np.testing.assert_allclose(found, plain(network, images, flips=flips, softmax=True), atol=1e-6)
    assert ((found >= 0.5).sum(1) <= 1).all()
    assert (found >= 0.5).flatten(2).any(2).any(0).all(), "each class somewhere"
    assert class_maps(network(images), softmax=True).shape == found.shape


def test_views_that_all_say_no_have_a_mean_that_says_no():
    """Sums of the largest number below a half are not rounded up to it."""
    below = float(np.nextafter(np.float32(0.5), np.float32(0)))
    for shape in ((5, 1, 4, 4), (7, 1, 3, 3, 3)):
        assert (mean_of_shifted(torch.full(shape, below)) < 0.5).all()


def test_views_are_counted_as_they_are():
    """Plans of post-processing go by the number."""
    for one, ndim in itertools.product(
        (Views(), Views(flips=True), Views(shifts=True), Views(True, True)), (2, 3)
    ):
        assert one.count(ndim) == len(one.of(random(1, 1, *[3] * ndim)))
        assert bool(one) == (one.count(ndim) > 1)


def test_answers_that_are_not_all_views():
    """Four answers are not those of five views."""
    with pytest.raises(ValueError, match="4 answers are not those of 5 views"):
        mean_of_shifted(torch.zeros(4, 1, 4, 4))
    with pytest.raises(ValueError, match="10 answers are not those of 20 views"):
        Views(True, True).mean(torch.zeros(10, 1, 4, 4))
