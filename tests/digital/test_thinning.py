"""Thinning: the topology of the mask, one voxel wide, in the middle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.morphology import skeletonize

from tests.digital.conftest import is_end
from topoeval import Topology
from topoeval.digital import simple_points, thin
from topoeval.digital.simple_points import neighbourhood_codes
from topoeval.metrics import betti_numbers


def blobs(shape, seed, width=1.5):
    """Smooth random masks."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    return gaussian_filter(noise, (0,) + (width,) * (len(shape) - 1)) > 0


@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("construction", ["V", "T"])
@given(ndim=st.sampled_from([2, 3]), seed=st.integers(0, 2**32 - 1), noisy=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_skeleton_has_the_betti_numbers_of_its_mask(construction, border, ndim, seed, noisy):
    """And is a subset of it, on blobs and on noise."""
    masks = blobs((2, 13, 12) if ndim == 2 else (2, 8, 7, 9), seed, width=0.01 if noisy else 1.5)
    topology = Topology(construction, border=border)
    skeletons = thin(masks, topology)
    assert not (skeletons & ~masks).any()
    assert np.array_equal(
        betti_numbers(skeletons, topology, ndim), betti_numbers(masks, topology, ndim)
    )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(2, 40, 37), (2, 14, 15, 16)])
def test_a_skeleton_is_thin(construction, shape):
    """Nothing more can go but the ends of curves, and it is far smaller than the mask."""
    topology = Topology(construction)
    masks = blobs(shape, 0, width=2)
    skeletons = thin(masks, topology)
    ends = is_end(neighbourhood_codes(skeletons), len(shape) - 1, construction)
    assert not (simple_points(skeletons, topology) & skeletons & ~ends).any()
    assert skeletons.sum() < masks.sum() / 3


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6])
def test_a_square_bar_of_any_width_is_a_line(construction, width):
    """The library's is empty for even widths in 3D; ours runs along the bar, in its middle."""
    bar = np.zeros((1, 12, 12, 40), dtype=bool)
    bar[:, 3 : 3 + width, 3 : 3 + width, 2:38] = True
    skeleton = thin(bar, Topology(construction))
    if width % 2 == 0:
        assert not skeletonize(bar[0]).any()
    along = np.flatnonzero(skeleton.any(axis=(0, 1, 2)))
    assert np.array_equal(along, np.arange(along[0], along[-1] + 1))
    assert along[0] <= 2 + width
    assert along[-1] >= 37 - width
    middle = 3 + (width - 1) / 2
    central = skeleton[0, :, :, 20]
    assert np.abs(np.argwhere(central) - middle).max() <= 1


@pytest.mark.parametrize("centre", [8.0, 8.5])
def test_balls_become_a_voxel_or_two_and_shells_a_closed_surface(centre):
    """One voxel, or two where the centre lies between voxels."""
    axis = np.arange(18) - centre
    radius = np.sqrt(np.add.outer(np.add.outer(axis**2, axis**2), axis**2))
    ball, shell = radius <= 7, (radius <= 7) & (radius > 3)
    skeletons = thin(np.stack([ball, shell]), Topology())
    assert skeletons[0].sum() == (1 if centre == 8 else 2)
    assert betti_numbers(skeletons[1], Topology()).tolist() == [1, 0, 1]


def test_near_the_skeleton_of_the_library():
    """In 2D, on blobs, the two keep within a few voxels of each other almost everywhere."""
    masks = blobs((1, 120, 130), 3, width=4)
    ours = thin(masks, Topology())[0]
    theirs = skeletonize(masks[0])
    to_theirs = distance_transform_edt(~theirs)[ours]
    to_ours = distance_transform_edt(~ours)[theirs]
    assert np.quantile(to_theirs, 0.95) <= 3
    assert np.quantile(to_ours, 0.95) <= 3
    assert 0.7 < ours.sum() / theirs.sum() < 1.4


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_images_of_a_batch_are_alone(seed):
    """A batch is thinned as its images are."""
    masks = blobs((3, 15, 11), seed)
    assert np.array_equal(
        thin(masks, Topology()), np.concatenate([thin(mask[None], Topology()) for mask in masks])
    )


@pytest.mark.parametrize("shape", [(2, 6, 6), (2, 4, 4, 4), (1, 1, 1)])
def test_empty_and_full_masks(shape):
    """Nothing stays nothing; a full image is one voxel in its middle; one voxel stays."""
    assert not thin(np.zeros(shape, dtype=bool), Topology()).any()
    full = thin(np.ones(shape, dtype=bool), Topology())
    assert full.reshape(len(full), -1).sum(1).tolist() == [1] * len(full)


@pytest.mark.parametrize("shape", [(1, 9, 30), (3, 9, 30), (1, 9, 8, 20), (2, 9, 8, 20)])
def test_the_layout_in_memory_does_not_matter(shape):
    """In Fortran order, transposed and reversed views, the skeleton is that of the voxels."""
    masks = np.zeros(shape, bool)
    masks[(slice(None), *(slice(2, -2) for _ in shape[1:]))] = True
    masks[:, 4, 5] = False
    wanted = thin(masks, Topology())
    assert wanted.sum() < masks.sum() / 2
    backwards = np.ascontiguousarray(masks[..., ::-1])[..., ::-1]
    turned = np.rot90(np.ascontiguousarray(np.rot90(masks, 1, (1, 2))), -1, (1, 2))
    for laid_out in (np.asfortranarray(masks), backwards, turned):
        assert np.array_equal(laid_out, masks)
        assert np.array_equal(thin(laid_out, Topology()), wanted)
