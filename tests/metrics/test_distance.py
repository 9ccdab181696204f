"""Boundary distances: by hand, against MONAI, and where the two are defined differently."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import (
    compute_average_surface_distance,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from topoeval.errors import UserError
from topoeval.metrics import (
    average_surface_distance,
    hausdorff_distance,
    normalised_surface_dice,
)
from topoeval.metrics.distance import boundary_distances

# MONAI says that empty masks give NaN and infinity, which is the point of one test here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*may result in nan/inf:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning"),
]

pairs = st.sampled_from([(7, 9), (5, 4, 6)]).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def batched(mask):
    """Return a mask as MONAI takes it."""
    return torch.from_numpy(np.ascontiguousarray(mask))[None, None]


def two_discs():
    """Return two squares of side 3, one a step to the right."""
    p, g = np.zeros((2, 5, 8), bool)
    p[1:4, 1:4] = g[1:4, 2:5] = True
    return p, g


@settings(deadline=None, max_examples=60)
@given(pairs, st.lists(st.sampled_from([0.5, 1.0, 2.5]), min_size=3, max_size=3))
def test_equal_to_monai(pair, sizes):
    """HD, HD95, ASSD, NSD of pairs without an empty mask, with anisotropic spacing."""
    p, g = pair
    assume(p.any() and g.any())
    spacing = sizes[: p.ndim]
    monai = {"include_background": True, "spacing": spacing}
    for percentile in (100, 95):
        reference = compute_hausdorff_distance(
            batched(p), batched(g), percentile=percentile, **monai
        )
        ours = hausdorff_distance(p, g, spacing, percentile)
        assert ours == pytest.approx(reference.item(), rel=1e-5, abs=1e-5)
    reference = compute_average_surface_distance(batched(p), batched(g), symmetric=True, **monai)
    ours = average_surface_distance(p, g, spacing)
    assert ours == pytest.approx(reference.item(), rel=1e-5, abs=1e-5)
    reference = compute_surface_dice(batched(p), batched(g), class_thresholds=[1.0], **monai)
    assert normalised_surface_dice(p, g, 1.0, spacing) == pytest.approx(reference.item(), abs=1e-6)


def test_where_monai_answers_otherwise():
    """Empty masks: there infinities and NaN, which drop out of means; here a number."""
    mask = two_discs()[0]
    empty = np.zeros_like(mask)
    diagonal = np.hypot(*mask.shape)
    hd95 = compute_hausdorff_distance(batched(empty), batched(mask), True, percentile=95)
    assert torch.isnan(hd95).all()
    assert hausdorff_distance(empty, mask, percentile=95) == pytest.approx(diagonal)
    assd = compute_average_surface_distance(batched(empty), batched(mask), True, symmetric=True)
    assert torch.isinf(assd).all()
    assert average_surface_distance(empty, mask) == pytest.approx(diagonal)
    nsd = compute_surface_dice(batched(empty), batched(empty), [1.0], True)
    assert torch.isnan(nsd).all()
    assert normalised_surface_dice(empty, empty, 1.0) == 1


def test_by_hand():
    """Of eight boundary pixels each way five coincide and three are one step away."""
    p, g = two_discs()
    assert hausdorff_distance(p, g) == 1
    boundary = np.array([1, 1, 1, 0, 0, 0, 0, 1])  # p's centre row: the middle of g is inside
    assert average_surface_distance(p, g) == pytest.approx(boundary.mean())
    assert normalised_surface_dice(p, g, 0.5) == pytest.approx(1 - boundary.mean())
    assert hausdorff_distance(p, g, spacing=(1, 0.25)) == 0.25


def test_border_of_the_image_is_boundary():
    """A mask that fills the image has the image's edge as boundary."""
    full = np.ones((5, 5), bool)
    inner = np.zeros_like(full)
    inner[1:4, 1:4] = True
    assert hausdorff_distance(full, inner) == pytest.approx(np.sqrt(2))


def test_tolerance_is_inclusive():
    """A distance of exactly the tolerance agrees."""
    p, g = two_discs()
    assert normalised_surface_dice(p, g, 1.0) == 1


def test_leading_axes_stay():
    """One value per image of a stack."""
    p, g = two_discs()
    stack = np.stack([[p, g], [g, g]])
    values = hausdorff_distance(stack, np.stack([[g, g], [p, p]]), spatial_dims=2)
    assert values.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    "spacing", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, -1.0), (1.0, 1.0, 1.0)]
)
def test_refuses_a_spacing_that_does_not_fit(spacing):
    """Broadcasting one size over all axes would be a guess."""
    with pytest.raises(UserError, match="2 positive numbers"):
        hausdorff_distance(*two_discs(), spacing)


def test_refuses_other_settings():
    """Percentile 0 and negative tolerances mean nothing."""
    with pytest.raises(UserError, match="percentile"):
        hausdorff_distance(*two_discs(), percentile=0)
    with pytest.raises(UserError, match="tolerance"):
        normalised_surface_dice(*two_discs(), tolerance=-1.0)


@pytest.mark.parametrize("shape", [(60, 70), (18, 20, 22)])
@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.97])
def test_tree_and_transform_measure_alike(shape, share):
    """Few boundary voxels go to a tree, many to a distance transform: one distance."""
    rng = np.random.default_rng(0)
    p, g = (rng.random((2, *shape)) < share) | (np.indices(shape).sum(0) == 20)
    sizes = rng.uniform(0.3, 2.0, len(shape))
    found = boundary_distances(p, g, sizes)
    for ends, distances in (((p, g), found.to_target), ((g, p), found.to_prediction)):
        here, there = (
            mask & ~binary_erosion(mask, generate_binary_structure(len(shape), 1)) for mask in ends
        )
        wanted = distance_transform_edt(~there, sampling=sizes)[here]
        np.testing.assert_allclose(distances, wanted, rtol=1e-12)
