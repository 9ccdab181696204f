"""Cardiac slices: rings, crescents, basal gaps."""

import numpy as np
import pytest

from topoeval import datasets
from topoeval.datasets.measured import measured_betti


def load(split="test", size=6, **params):
    """Return a few samples."""
    return list(datasets.load("cardiac", split, size, **params))


def test_classes_never_overlap_and_leave_no_seam():
    """A voxel has one class at most, and between wall and pool none has no class."""
    for sample in load(structure="all"):
        right, wall, left = sample.target > 0
        assert (sample.target.sum(axis=0) <= 1).all()
        ring_and_pool = wall | left
        # Filling the hole of the wall with the pool leaves no hole.
        assert measured_betti(ring_and_pool[None])["V"] == (1, 0)
        assert not (right & ring_and_pool).any()


def test_card_names_the_classes_asked_for():
    """The card of the parameters, not of the family."""
    assert datasets.info("cardiac").classes == ("myocardium",)
    assert datasets.info("cardiac", structure="all").classes[0] == "right ventricle"
    assert load(structure="all", size=1)[0].target.shape[0] == 3


def test_basal_slices_have_an_open_ring_and_keep_the_prior():
    """What is misspecified is the prior, by one hole."""
    for sample in load("relaxed"):
        assert sample.prior == (1, 1)
        assert (1, 0) in sample.betti.values()


def test_the_wall_is_about_as_thick_as_asked():
    """Area of the ring over its middle circumference, in mm."""
    for wall in (5.0, 9.0):
        thickness = []
        for sample in load(wall=wall, thinning=0.0, size=12, side=192):
            area = sample.target.sum() * sample.spacing[0] ** 2
            # pi (R^2 - r^2) = 2 pi middle * thickness with the middle 16 to 24 mm + half the wall
            thickness.append(area / (2 * np.pi * (20 + wall / 2)))
        assert np.mean(thickness) == pytest.approx(wall, rel=0.15)


def test_papillary_muscles_count_as_blood():
    """Dark spots in the pool are no myocardium: the hole of the ring has no component in it."""
    for sample in load(noise=0.0, motion=0.0, kept=1.0, bias=0.0, size=4, structure="all"):
        pool = sample.target[2] > 0
        values = sample.image[0][pool]
        assert (values < 0.6 * np.median(values)).mean() > 0.01


def test_spacing_is_that_of_the_field_of_view():
    """125 mm, whatever the number of voxels."""
    for side in (64, 96):
        (sample,) = load(size=1, side=side)
        assert sample.spacing == (125 / side, 125 / side)
