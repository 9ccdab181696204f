"""Enlarged real digits: measured topology, disjoint splits."""

import numpy as np
import pytest

from topoeval.datasets.digit_task import DIGIT_PRIORS
from topoeval.datasets.digits import TOTAL, Digits
from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

LARGEST = {"train": 250, "unlabelled": 300, "val": 150, "test": 400, "judge": 697}


def cases(split, size, seed=0):
    """Return the names of the cases of a split."""
    return [f"{index:04d}" for index in Digits(split, size, seed=seed).indices]


def test_stored_betti_numbers_are_measured_ones():
    """The class prior is stated beside them, not in their place."""
    for sample in Digits("test", 50):
        assert sample.prior == DIGIT_PRIORS[sample.label]
        for name in "VT":
            mask = sample.target[0] >= 0.5
            assert sample.betti[name] == tuple(betti_numbers(mask, Topology(name)))


def test_prior_is_a_ceiling_below_one():
    """The card's six of seven, over all digits."""
    met = [
        sample.betti["T"] == sample.prior
        for split, size in LARGEST.items()
        for sample in Digits(split, size)
    ]
    assert np.mean(met) == pytest.approx(6 / 7, abs=0.01)


def test_images_are_enlarged_originals():
    """Averaging the enlarged image back over 3.5 voxels finds the bundled one again."""
    from skimage.transform import downscale_local_mean, resize
    from sklearn.datasets import load_digits

    dataset = Digits("test", 30)
    bundle = load_digits()
    for index, sample in zip(dataset.indices, dataset, strict=True):
        assert sample.label == bundle.target[index]
        small = downscale_local_mean(resize(sample.target[0], (56, 56), order=0), (7, 7))
        assert np.corrcoef(small.ravel(), bundle.images[index].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("seed", [0, 1])
def test_splits_are_disjoint_and_complete(seed):
    """At their largest the five splits are all images, each once."""
    drawn = [case for split, size in LARGEST.items() for case in cases(split, size, seed)]
    assert len(drawn) == len(set(drawn)) == TOTAL


def test_seed_deals_out_the_pool_only():
    """Training data vary with the seed, what is scored does not."""
    assert cases("test", 400, 0) == cases("test", 400, 5)
    assert cases("judge", 697, 0) == cases("judge", 697, 5)
    assert set(cases("train", 100, 0)) != set(cases("train", 100, 5))


def test_a_case_looks_the_same_in_every_run():
    """Damage belongs to the image, not to the seed or the place in the split."""
    first = {sample.case: sample.image for sample in Digits("train", 100, seed=0)}
    second = {sample.case: sample.image for sample in Digits("train", 100, seed=1)}
    shared = first.keys() & second.keys()
    assert shared
    for case in shared:
        np.testing.assert_array_equal(first[case], second[case])


def test_judge_sees_clean_digits():
    """The judge learns to read, not to restore."""
    sample = Digits("judge", 1)[0]
    np.testing.assert_array_equal(sample.image, sample.target)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": 251}, "size of split 'train' .* 1 to 250, got 251"),
        ({"split": "tests"}, "did you mean 'test'"),
        ({"lines": -1}, "lines .* got -1"),
        ({"noise": 2}, "noise .* got 2"),
        ({"seed": "a"}, "seed .* got 'a'"),
    ],
)
def test_refuses_parameters_out_of_range(params, message):
    """The message names the parameter, the range and the value."""
    given = {"split": "train", "size": 1} | params
    with pytest.raises(UserError, match=message):
        Digits(**given)
