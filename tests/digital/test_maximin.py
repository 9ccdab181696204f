"""Maximin pairs: against every pair and every threshold, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generate_binary_structure, label

from topoeval import UserError, _native
from topoeval.digital import maximin_pairs


def one_by_one(keys, labels, corners):
    """Add voxels one by one, label what is there, and ask every pair whether it is joined now."""
    structure = generate_binary_structure(keys.ndim, keys.ndim if corners else 1)
    added = np.zeros(keys.shape, bool)
    counts = np.zeros((2, keys.size), int)
    voxels = [v for v in range(keys.size) if labels.flat[v] > 0]
    apart = set(itertools.combinations(voxels, 2))
    for voxel in np.argsort(-keys.ravel(), kind="stable"):
        added.flat[voxel] = True
        components = label(added, structure)[0].ravel()
        joined = {(i, j) for i, j in apart if components[i] == components[j] > 0}
        for i, j in joined:
            counts[int(labels.flat[i] != labels.flat[j]), voxel] += 1
        apart -= joined
    return counts.reshape(2, *keys.shape)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_pair_at_every_threshold(data):
    """With equal keys, labels that are not connected, and voxels without a label."""
    shape = data.draw(st.sampled_from([(6, 5), (1, 9), (3, 3, 4), (2, 1, 5)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    keys = rng.integers(-4, data.draw(st.integers(-3, 30)), (2, *shape)).astype(dtype) / 7
    labels = rng.integers(-1, data.draw(st.integers(1, 5)), (2, *shape))
    for corners in (False, True):
        found = maximin_pairs(keys, labels, corners=corners)
        for i in range(2):
            expected = one_by_one(keys[i], labels[i], corners)
            np.testing.assert_array_equal([counts[i] for counts in found], expected)


def test_all_pairs_are_counted_once():
    """Of an image large enough for the radix sort and for many trees; threads change nothing."""
    rng = np.random.default_rng(0)
    keys = rng.random((3, 90, 80), np.float32)
    labels = rng.integers(0, 40, keys.shape)
    same, other = maximin_pairs(keys, labels, corners=False)
    for i in range(3):
        sizes = np.bincount(labels[i].ravel())[1:]
        assert same[i].sum() == (sizes * (sizes - 1) // 2).sum()
        assert same[i].sum() + other[i].sum() == sizes.sum() * (sizes.sum() - 1) // 2
    for counts, again in zip(
        (same, other), maximin_pairs(keys, labels, corners=False, threads=3), strict=True
    ):
        np.testing.assert_array_equal(counts, again)


def test_two_halves_of_more_than_32_bits():
    """One voxel joins 50,000 with 50,000, which are 2,500,000,000 pairs and more than 2^31."""
    keys = np.ones((1, 1, 100_001), np.float32)
    keys[..., 50_000] = 0
    labels = np.ones(keys.shape, int)
    labels[..., 50_001:] = 2
    _, other = maximin_pairs(keys, labels, corners=False)
    assert other[0, 0, 50_000] == 50_001 * 50_000


def test_order_in_memory_does_not_matter():
    """A transposed batch is that of its voxels."""
    rng = np.random.default_rng(1)
    keys, labels = rng.random((2, 7, 9)), rng.integers(0, 3, (2, 7, 9))
    there = maximin_pairs(keys.swapaxes(1, 2), labels.swapaxes(1, 2), corners=True)
    copies = (np.ascontiguousarray(x.swapaxes(1, 2)) for x in (keys, labels))
    for ours, theirs in zip(there, maximin_pairs(*copies, corners=True), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_images():
    """None are answered with none."""
    same, other = maximin_pairs(np.zeros((0, 3, 3)), np.zeros((0, 3, 3), int), corners=True)
    assert same.shape == other.shape == (0, 3, 3)


@pytest.mark.parametrize(
    ("keys", "labels", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), int), r"of one shape, got \(2, 2\)"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 3), int), r"got \(1, 2, 2\) and \(1, 2, 3\)"),
        (np.zeros((1, 2, 2), int), np.zeros((1, 2, 2), int), "got int64 and int64"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), "got float64 and float64"),
    ],
)
def test_other_arrays_are_refused(keys, labels, message):
    """In one line."""
    with pytest.raises(UserError, match=message):
        maximin_pairs(keys, labels, corners=False)


def test_the_engine_refuses_what_has_no_order():
    """NaN, other shapes, no threads."""
    keys, labels = np.zeros((1, 2, 2)), np.zeros((1, 2, 2), np.int32)
    for arguments, message in (
        ((np.full_like(keys, np.nan), labels, True, 1), "NaN"),
        ((keys, labels[..., :1].copy(), True, 1), "one shape"),
        ((keys, labels, True, 0), "threads"),
    ):
        with pytest.raises(ValueError, match=message):
            _native.maximin_pairs(*arguments)
