"""score(): equal to the functions behind it, and what it refuses."""

import numpy as np
import pytest

from topoeval import metrics
from topoeval.errors import UserError
from topoeval.metrics import Settings, score
from topoeval.topology import Topology

T = Topology("T")
rng = np.random.default_rng(5)
PAIRS = {ndim: rng.random((2, *(12,) * ndim)) < 0.6 for ndim in (2, 3)}


@pytest.mark.parametrize("ndim", [2, 3])
def test_columns_are_those_of_the_functions(ndim):
    """What is shared between columns changes none of them."""
    p, g = PAIRS[ndim]
    spacing = (2.0, 1.0, 0.5)[:ndim]
    found = score(p, g, Settings(spacing=spacing, tolerance=0.7, patch=5))
    expected = {
        "dice": metrics.dice(p, g),
        "iou": metrics.iou(p, g),
        "topology_gated_dice": metrics.topology_gated_dice(p, g, T),
        "euler_error": metrics.euler_error(p, g, T),
        "patch_betti_error": metrics.patch_betti_error(p, g, T, size=5).sum(),
        "betti_matching_union": metrics.betti_matching_error(p, g, T).sum(),
        "cldice": metrics.cldice(p, g),
        "hd": metrics.hausdorff_distance(p, g, spacing),
        "hd95": metrics.hausdorff_distance(p, g, spacing, 95),
        "assd": metrics.average_surface_distance(p, g, spacing),
        "nsd": metrics.normalised_surface_dice(p, g, 0.7, spacing),
        "adapted_rand_error": metrics.adapted_rand_error(p, g, T),
        "adjusted_rand_index": metrics.adjusted_rand_index(p, g, T),
        "voi": metrics.variation_of_information(p, g, T).sum(),
        "b0": metrics.betti_numbers(p, T)[0],
        "betti_error_1": metrics.betti_error(p, g, T)[1],
        "false_holes": metrics.wrong_regions(p, g, T).false_holes.number,
    }
    if ndim == 2:
        expected["diu"] = metrics.diu(p, g, T)
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value)), name
    assert ("diu" in found) == (ndim == 2)


def test_sublevel_scores_the_complements():
    """Topology of the dark phase, overlap of the masks as they are."""
    p, g = PAIRS[2]
    dark = score(p, g, Settings(topology=Topology("T", "sublevel")))
    light = score(~p, ~g)
    assert dark["betti_error"] == light["betti_error"]
    assert dark["diu"] == light["diu"]
    assert dark["dice"] == metrics.dice(p, g)


def test_only_what_is_asked_for():
    """In the order of the cards."""
    p, g = PAIRS[2]
    assert list(score(p, g, columns=["cldice", "dice"])) == ["dice", "cldice"]


def test_refuses_unknown_columns():
    """With the nearest known one."""
    with pytest.raises(UserError, match="unknown metric 'cldise'; did you mean 'cldice'"):
        score(*PAIRS[2], columns=["cldise"])
    with pytest.raises(UserError, match="'matches_prior' is not possible here"):
        score(*PAIRS[2], columns=["matches_prior"])


@pytest.mark.parametrize("shape", [(4,), (1, 1, 4, 4), (1, 1, 4, 4, 4)])
def test_refuses_what_is_not_one_mask(shape):
    """Instead of an empty table, or columns that it does not know."""
    mask = np.ones(shape, bool)
    for columns in (None, "dice"):
        with pytest.raises(UserError, match=r"takes one mask, .* got shape"):
            score(mask, mask, columns=columns)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "uint8"])
def test_functions_take_masks_of_torch(dtype):
    """From any dtype, non-contiguous, batch and channels kept."""
    torch = pytest.importorskip("torch", reason="compares tensors with arrays")
    values = torch.from_numpy(rng.random((2, 3, 9, 14))).round().to(getattr(torch, dtype))
    mask = (values >= 0.5).transpose(-1, -2)
    array = mask.numpy()
    for function in (metrics.betti_matching_error, metrics.betti_error, metrics.diu):
        ours = function(mask, mask.flip(-1), T, 2)
        assert np.array_equal(ours, function(array, array[..., ::-1], T, 2))
    for function in (metrics.dice, metrics.iou, metrics.cldice):
        ours = function(mask, mask.flip(-1), spatial_dims=2)
        assert np.array_equal(ours, function(array, array[..., ::-1], spatial_dims=2))
        assert ours.shape == (2, 3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tolerance": -1}, "a tolerance is a distance of 0 or more, got -1"),
        ({"tolerance": float("nan")}, "a tolerance is a distance of 0 or more, got nan"),
        ({"prior": (-1, 0)}, "Betti numbers are whole and not negative"),
        ({"prior": (1.5, 0)}, "Betti numbers are whole and not negative"),
        ({"prior": (float("nan"), 0)}, "Betti numbers are whole and not negative"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, words):
    """Not scored: a negative tolerance would give identical masks an NSD of 0."""
    with pytest.raises(UserError, match=words):
        Settings(**wrong)
