"""The table of bars: picking images from it and putting tables together."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import Topology, UserError
from topoeval.persistence import Barcodes, compute

COLUMNS = ("image", "dim", "birth", "death", "birth_index", "death_index")
# Image 2 is constant: one bar; with dims=[1] it has none at all.
IMAGES = np.random.default_rng(0).random((5, 6, 7))
IMAGES[2] = 0.5


def assert_same(a, b):
    """Equal in every column and in what they say about themselves."""
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(a.numpy(), name), getattr(b.numpy(), name), name)
    assert (a.batch_shape, a.spatial_shape) == (b.batch_shape, b.spatial_shape)
    assert (a.topology, a.dims) == (b.topology, b.dims)


@pytest.mark.parametrize("dims", [None, [1]], ids=["all", "loops"])
@given(chosen=st.lists(st.integers(0, 4), max_size=8))
@settings(max_examples=50, deadline=None)
def test_selected_images_are_as_if_computed_alone(dims, chosen):
    """Any order, repetitions, none at all: the bars of exactly that batch."""
    bars = compute(IMAGES, dims=dims)
    tensors = compute(torch.from_numpy(IMAGES), dims=dims)
    if not chosen:
        empty = bars.select(chosen)
        assert (len(empty), empty.batch_shape, empty.n_images) == (0, (0,), 0)
        return
    expected = compute(IMAGES[chosen], dims=dims)
    assert_same(bars.select(chosen), expected)
    assert_same(bars.select(np.array(chosen)), expected)
    assert_same(tensors.select(torch.tensor(chosen)), expected)
    assert isinstance(tensors.select(chosen).image, torch.Tensor)


def test_the_shape_of_the_choice_is_the_shape_of_the_batch():
    """With channels an image is b * C + c, and a choice of shape (n, C) keeps them apart."""
    stack = IMAGES[:4].reshape(2, 2, 6, 7)
    bars = compute(stack, spatial_dims=2)
    swapped = bars.select(np.array([[2, 3], [0, 1], [2, 3]]))
    assert_same(swapped, compute(stack[[1, 0, 1]], spatial_dims=2))


def test_gradients_pass_through_a_selection():
    """The derivative of a selected birth reaches the image it came from, once per repetition."""
    x = torch.from_numpy(IMAGES).requires_grad_()
    compute(x, dims=[0]).select(torch.tensor([3, 1, 3])).birth.sum().backward()
    per_image = x.grad.sum((1, 2))
    bars = compute(x.detach(), dims=[0])
    counts = torch.bincount(bars.image, minlength=5)
    assert per_image.tolist() == (counts * torch.tensor([0, 1, 0, 2, 0])).tolist()


def test_one_dimension():
    """Its bars only, and Betti numbers of that dimension only."""
    bars = compute(IMAGES)
    loops = bars.select([4, 0], dim=1)
    assert_same(loops, compute(IMAGES[[4, 0]], dims=[1]))
    np.testing.assert_array_equal(
        bars.select(dim=1).betti_numbers(0.5), bars.betti_numbers(0.5)[:, 1:]
    )


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_concatenated_tables_are_the_table_of_the_whole(kind):
    """Split a batch anywhere, compute the parts, and nothing shows the seam."""
    x = IMAGES if kind == "numpy" else torch.from_numpy(IMAGES).requires_grad_()
    whole = compute(x)
    for cuts in ([5], [1, 4], [2, 1, 2], [1, 1, 1, 1, 1]):
        starts = np.cumsum([0, *cuts])
        parts = [compute(x[a:b]) for a, b in itertools.pairwise(starts)]
        joined = Barcodes.concatenate(parts)
        assert_same(joined, whole)
    if kind == "torch":
        joined.birth.sum().backward()
        assert int(x.grad.count_nonzero()) > 5


def test_concatenated_channels_stay_channels():
    """(2, 3) and (1, 3) images with channels make (3, 3)."""
    x = np.random.default_rng(1).random((3, 3, 4, 5))
    parts = [compute(x[:2], spatial_dims=2), compute(x[2:], spatial_dims=2)]
    assert_same(Barcodes.concatenate(parts), compute(x, spatial_dims=2))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda bars: bars.select([5]), "no image 5 in a batch of 5"),
        (lambda bars: bars.select([0, -1]), "no image -1 in a batch of 5"),
        (lambda bars: bars.select([0.5]), "whole numbers"),
        (lambda bars: bars.select(np.array([True] * 5)), "whole numbers.*bool"),
        (lambda bars: bars.select(np.array(1)), r"shape \(\)"),
        (lambda bars: bars.select(dim=2), r"no bars of dimension 2; computed: \(0, 1\)"),
        (lambda bars: Barcodes.concatenate([]), "no barcodes to concatenate"),
        (
            lambda bars: Barcodes.concatenate([bars, compute(IMAGES, Topology("V"))]),
            "differ in topology: T-superlevel-plain and V-superlevel-plain",
        ),
        (
            lambda bars: Barcodes.concatenate([bars, compute(IMAGES, dims=[0])]),
            r"differ in dims: \(0, 1\) and \(0,\)",
        ),
        (
            lambda bars: Barcodes.concatenate([bars, replace(bars, batch_shape=(1, 5))]),
            r"differ in channels: batches of shape \(5,\) and \(1, 5\)",
        ),
    ],
)
def test_a_choice_that_cannot_be_met_is_one_line(act, words):
    """What was asked for and what there is."""
    with pytest.raises(UserError, match=words):
        act(compute(IMAGES))
