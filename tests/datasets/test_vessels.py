"""Vessels: trees and rings, their loops and their clearance."""

import numpy as np
import pytest
from skimage.morphology import skeletonize

from topoeval import datasets
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology


def load(split="test", size=4, **params):
    """Return a few small volumes."""
    return list(datasets.load("vessels", split, size, side=48, **params))


@pytest.mark.parametrize(("form", "loops"), [("tree", {0, 1, 2}), ("ring", {0, 1})])
def test_loops_occur_as_often_as_they_are_drawn(form, loops):
    """All numbers of loops are there, none beyond the most asked for."""
    assert {s.prior[1] for s in load(size=16, form=form)} == loops


@pytest.mark.parametrize("form", ["tree", "ring"])
def test_centrelines_have_the_topology_of_the_vessels(form):
    """No tube is so placed on the grid that thinning loses it."""
    for sample in load(form=form, size=6):
        centreline = skeletonize(sample.target[0] > 0)
        assert tuple(betti_numbers(centreline, Topology("T"))) == sample.prior


def test_vessels_fade_with_the_way():
    """The lower half of a tree, further from the inlet, is less bright."""
    bright = {}
    for fade in (0.0, 1.5):
        ratios = []
        for sample in load(fade=fade, noise=0.0, clutter=0.0):
            inside = sample.target[0] > 0
            rows = np.arange(48)[:, None, None] * np.ones_like(inside)
            far = inside & (rows > np.median(rows[inside]))
            ratios.append(sample.image[0][far].mean() / sample.image[0][inside & ~far].mean())
        bright[fade] = np.mean(ratios)
    assert bright[1.5] < bright[0.0] - 0.1


def test_no_vessel_reaches_the_edge():
    """A cut vessel would make plain and framed readings differ."""
    for sample in load() + load(form="ring"):
        inner = np.zeros((48,) * 3, dtype=bool)
        inner[1:-1, 1:-1, 1:-1] = True
        assert not sample.target[0][~inner].any()


def test_broken_vessels_have_other_numbers():
    """A missing piece parts the tree, or opens a loop."""
    for sample in load("relaxed", 6):
        assert sample.betti["V"] != sample.prior or sample.betti["T"] != sample.prior
