"""Mask matching against the matching of grey maps, its oracle; and what callers rely on."""

import os

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from topoeval import Topology
from topoeval import _native as native
from topoeval.metrics import euler_number
from topoeval.metrics.components import enclosed, label
from topoeval.persistence.matching import match

# Pairs of masks; each is compared in eight settings.
CASES = int(os.environ.get("TOPOEVAL_NATIVE_CASES", "2400")) // 8
SETTINGS = [
    (construction, framed, comparison)
    for construction in "VT"
    for framed in (False, True)
    for comparison in ("union", "intersection")
]
DENSITIES = [0.0, 0.05, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]


def labelled(mask, topology):
    """Betti numbers by cc3d's labels and the Euler number."""
    outside = np.pad(mask, 1, constant_values=True) if topology.framed else mask
    components = label(outside, topology.foreground_connectivity(mask.ndim))[1]
    holes = enclosed(mask, topology)[1]
    euler = euler_number(outside, topology.construction)
    return (
        [components, holes] if mask.ndim == 2 else [components, components + holes - euler, holes]
    )


def expected(p, g, construction, framed, comparison):
    """Betti numbers and matches of one pair, by the barcodes of both masks."""
    topology = Topology(
        construction, border="framed" if framed else "plain", direction="superlevel"
    )
    betti = np.array([labelled(mask, topology) for mask in (p, g)])
    found = match(p[None], g[None], topology, comparison=comparison, spatial_dims=p.ndim)
    errors = found.errors(p[None], g[None])[0]
    matched, odd = np.divmod(betti.sum(0) - errors, 2)
    assert not odd.any()
    return np.concatenate([betti, matched[None]])


def partner(p, rng):
    """A mask with something in common with `p`, or nothing."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.random(p.shape) < rng.choice(DENSITIES)
    if kind == 1:
        return p ^ (rng.random(p.shape) < 0.1)
    if kind == 2:
        return p & (rng.random(p.shape) < 0.8)
    if kind == 3:
        return p | (rng.random(p.shape) < 0.2)
    return p.copy()


def noise(rng, ndim):
    """White noise of any density; sides of 1 among them."""
    shape = tuple(rng.integers(1, 8 if ndim == 3 else 20, ndim))
    p = rng.random(shape) < rng.choice(DENSITIES)
    return p, partner(p, rng)


def hard(rng, ndim):
    """Dense noise that differs a little: several critical cells in one star."""
    shape = tuple(rng.integers(3, 10 if ndim == 3 else 24, ndim))
    p = rng.random(shape) < rng.choice([0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
    return p, p ^ (rng.random(shape) < 0.15)


def smooth(rng, ndim):
    """Blobs of two fields that have much in common."""
    shape = tuple(rng.integers(1, 12 if ndim == 3 else 40, ndim))
    sigma = rng.choice([0.6, 1.0, 1.5])
    a, b = (gaussian_filter(rng.standard_normal(shape), sigma) for _ in range(2))
    level = rng.choice([-1, -0.3, 0.3, 0.8]) * (a.std() + 1e-9)
    return a > level, a + 0.4 * b > level


def sparse(rng, ndim):
    """Blobs or noise somewhere in a larger box, so that there is something to crop."""
    p, g = smooth(rng, ndim) if rng.integers(2) else hard(rng, ndim)
    margins = [tuple(rng.integers(0, 6, 2)) for _ in range(ndim)]
    return np.pad(p, margins), np.pad(g, margins)


@pytest.mark.parametrize("make", [noise, hard, smooth, sparse])
@pytest.mark.parametrize("ndim", [2, 3])
def test_counts_of_the_grey_matching(make, ndim):
    """Betti numbers and matches are those of the maps of zeros and ones, in every setting."""
    rng = np.random.default_rng(ndim)
    for _ in range(max(1, CASES // 8)):
        p, g = make(rng, ndim)
        for setting in SETTINGS:
            found = native.match_masks(p[None], g[None], *setting, 1)[0]
            betti = native.betti_numbers(p[None], *setting[:2], 1)[0]
            np.testing.assert_array_equal(betti, found[0])
            wanted = expected(p, g, *setting)
            np.testing.assert_array_equal(found, wanted, err_msg=f"{setting}\n{p}\n{g}")


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 5), (1, 1, 1), (1, 4, 5), (3, 4, 5)])
def test_empty_full_and_single(setting, shape):
    """Empty and full masks and single voxels, each with each."""
    empty, full, one, but_one = np.zeros((4, *shape), bool)
    full[:] = True
    one[tuple(side // 2 for side in shape)] = True
    but_one[:] = ~one
    for p in (empty, full, one, but_one):
        for g in (empty, full, one, but_one):
            found = native.match_masks(p[None], g[None], *setting, 1)[0]
            np.testing.assert_array_equal(found, expected(p, g, *setting))


@pytest.mark.parametrize("shape", [(9, 70, 130), (6, 30, 20, 66)])
@pytest.mark.parametrize("setting", SETTINGS)
def test_batches_strides_and_threads(shape, setting):
    """Any strides, any number of threads and any way to split a batch: the same counts."""
    rng = np.random.default_rng(0)
    p = rng.random(shape) < 0.5
    g = p ^ (rng.random(shape) < 0.1)
    wanted = native.match_masks(p, g, *setting, 1)
    for threads in (2, 5, 33):
        betti = native.betti_numbers(p, *setting[:2], threads)
        np.testing.assert_array_equal(betti, wanted[:, 0])
        np.testing.assert_array_equal(native.match_masks(p, g, *setting, threads), wanted)
    apart = [native.match_masks(p[i : i + 1], g[i : i + 1], *setting, 4) for i in range(len(p))]
    np.testing.assert_array_equal(np.concatenate(apart), wanted)
    fortran, backwards = np.asfortranarray(p), np.ascontiguousarray(g[..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(native.match_masks(fortran, backwards, *setting, 2), wanted)
    spread = np.zeros((*shape[:-1], 2 * shape[-1]), np.uint8)
    spread[..., ::2] = 255 * g.astype(np.uint8)
    np.testing.assert_array_equal(native.match_masks(p, spread[..., ::2], *setting, 2), wanted)


def test_refusals():
    """Unlike shapes, maps of numbers and unknown words are one clear error each."""
    mask = np.zeros((1, 4, 4), bool)
    with pytest.raises(ValueError, match="same shape"):
        native.match_masks(mask, mask[:, :3], "V", False, "union", 1)
    with pytest.raises(ValueError, match="bool or uint8"):
        native.match_masks(mask, mask.astype(float), "V", False, "union", 1)
    with pytest.raises(ValueError, match="comparison"):
        native.match_masks(mask, mask, "V", False, "both", 1)


@pytest.mark.parametrize("construction", "VT")
@pytest.mark.parametrize("into_zero", [True, False])
@pytest.mark.parametrize("dual", [True, False])
def test_a_reduction_that_gives_up_leaves_the_answer_to_the_other(construction, into_zero, dual):
    """Whatever the budget: it may be gone at once, on the way, or in both reductions."""
    rng = np.random.default_rng(11)
    some = 0
    for _ in range(max(4, CASES // 30)):
        sides = rng.integers(1, 12, 3)
        levels = rng.choice(5, sides, p=rng.dirichlet(np.ones(5))).astype(np.uint8)
        usual = native._pass_loops(levels[None], construction, into_zero, dual, -1, 1)
        some += len(usual[1]) + len(usual[2])
        for budget in (0, 1, int(rng.integers(2, 200)), 10**6):
            for threads in (1, 3):
                found = native._pass_loops(
                    levels[None], construction, into_zero, dual, budget, threads
                )
                assert found == usual, (sides, budget, threads)
    assert some > 0
