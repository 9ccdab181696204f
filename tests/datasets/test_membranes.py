"""Membranes: cells are holes in the framed reading."""

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from topoeval import datasets


def load(split="test", size=5, **params):
    """Return a few sections."""
    return list(datasets.load("membranes", split, size, side=96, **params))


def test_holes_are_the_cells():
    """Labelling the background, cells cut by the image edge included, gives b1."""
    for sample in load(cells=14):
        cells = ndimage.label(sample.target[0] == 0, structure=np.ones((3, 3)))[1]
        assert cells == sample.betti["V"][1] == sample.prior[1]


def test_the_card_reads_framed():
    """The frame is what makes a cell at the edge a hole."""
    assert datasets.info("membranes").topology.framed


def test_relaxed_cells_run_together():
    """True gaps join cells, so there are fewer holes than cells, under one construction or both."""
    fewer = [min(s.betti["V"][1], s.betti["T"][1]) < s.prior[1] for s in load("relaxed", 8)]
    assert np.mean(fewer) > 0.8


def test_gaps_of_the_image_are_none_of_the_truth():
    """The mask is the same, and in places the membrane cannot be seen."""
    whole, hidden = load(gaps=0, noise=0), load(gaps=6, noise=0)
    for a, b in zip(whole, hidden, strict=True):
        np.testing.assert_array_equal(a.target, b.target)
        on_it = a.target[0] > 0
        assert (b.image[0] - a.image[0])[on_it].max() > 0.1


def test_membranes_are_dark():
    """Darker than the cells by about the contrast, blur aside."""
    for sample in load(contrast=0.5, noise=0, width=5):
        core = ndimage.binary_erosion(sample.target[0] > 0)
        assert sample.image[0][sample.target[0] == 0].mean() - sample.image[0][core].mean() > 0.3


def test_width_follows_the_parameter():
    """Area over centreline length; diagonal centrelines have fewer voxels than their length."""
    for width in (2.5, 5.0):
        widths = [s.target.sum() / skeletonize(s.target[0] > 0).sum() for s in load(width=width)]
        assert 0.85 * width < np.mean(widths) < 1.5 * width
