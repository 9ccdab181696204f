"""Networks: edges, loops, and what hides them."""

import numpy as np
import pytest
from skimage.morphology import skeletonize

from topoeval import datasets
from topoeval.errors import UserError


def load(**params):
    """Return a few test samples."""
    return list(datasets.load("network", "test", 8, side=96, **params))


def test_loops_vary_up_to_the_most_asked_for():
    """Counting, not one number learnt by heart."""
    priors = {s.prior for s in datasets.load("network", "test", 40, side=96, loops=3)}
    assert priors == {(1, 1), (1, 2), (1, 3)}


def test_width_follows_the_radius():
    """Area over centreline length is about twice the radius."""
    for radius in (1.5, 3.0):
        widths = [s.target.sum() / skeletonize(s.target[0] > 0).sum() for s in load(radius=radius)]
        # Diagonal centrelines have fewer voxels than their length, by up to the root of two.
        assert 1.7 * radius < np.mean(widths) < 2.9 * radius


def test_occluders_hide_the_image_and_not_the_truth():
    """The network is less visible; its mask is the same."""
    bare, hidden = load(occluders=0, noise=0), load(occluders=12, noise=0)
    for a, b in zip(bare, hidden, strict=True):
        np.testing.assert_array_equal(a.target, b.target)
        inside = a.target > 0
        assert np.mean(a.image[inside] != b.image[inside]) > 0.05


@pytest.mark.parametrize(("style", "sign"), [("roads", 1), ("vessels", -1)])
def test_roads_are_bright_and_vessels_dark(style, sign):
    """The mean contrast has the style's sign in every picture."""
    for sample in load(style=style, occluders=0):
        inside = sample.target > 0
        assert sign * (sample.image[inside].mean() - sample.image[~inside].mean()) > 0.1


def test_nothing_touches_the_image_edge():
    """Plain and framed reading count the same components."""
    for sample in load():
        assert not sample.target[0, [0, -1]].any()
        assert not sample.target[0, :, [0, -1]].any()


def test_more_loops_than_the_nodes_allow_is_an_error():
    """No endless search; the message names the knobs."""
    with pytest.raises(UserError, match="nodes=4, loops=30"):
        list(datasets.load("network", "test", 5, nodes=4, loops=30))
