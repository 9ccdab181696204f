"""Synthetic families: topology measured, content pinned, one nuisance at a time."""

import hashlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from topoeval import datasets
from topoeval.datasets.synthetic import DIFFICULTIES, Synthetic
from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

# Family -> parameters that keep the tests quick.
SMALL = {
    "cardiac": {"side": 64},
    "membranes": {"side": 64, "cells": 9},
    "network": {"side": 64},
    "placenta": {"side": 32},
    "vessels": {"side": 48},
}
# SHA-256 over the masks of the first three test samples at those parameters, and the mean of their
# images. Masks are pinned to the bit; grey values may differ in the last place between machines.
PINNED = {
    "cardiac": ("4356c1ee919ce500", 0.597526),
    "membranes": ("34ce0193a2f10606", 0.523653),
    "network": ("f292c730712fc455", 0.507413),
    "placenta": ("c618ee37e07e75b1", 0.235295),
    "vessels": ("9a612c183e5ec40e", 0.263921),
}
FAMILIES = sorted(SMALL)


def drawn(name, split="test", size=3, **params):
    """Return the samples of a split."""
    return list(datasets.load(name, split, size, **{**SMALL[name], **params}))


def measured(name, sample):
    """Return the Betti numbers of a sample's mask, from the metrics alone."""
    info = datasets.info(name)
    numbers = {}
    for construction in "VT":
        topology = Topology(construction, border=info.topology.border)
        rows = betti_numbers(sample.target >= 0.5, topology, info.ndim).tolist()
        numbers[construction] = tuple(rows[0]) if len(rows) == 1 else tuple(map(tuple, rows))
    return numbers


def fingerprint(name):
    """Return what `PINNED` holds."""
    samples = drawn(name)
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(np.packbits(sample.target >= 0.5).tobytes())
    return digest.hexdigest()[:16], float(np.mean([sample.image.mean() for sample in samples]))


def images_digest(arguments):
    """Return the SHA-256 of all images and targets of a split; runs in another process."""
    name, params = arguments
    digest = hashlib.sha256()
    for sample in datasets.load(name, "train", 4, **params):
        digest.update(sample.image.tobytes() + sample.target.tobytes())
    return digest.hexdigest()


def test_every_family_is_tested():
    """A new family cannot be forgotten here."""
    classes = {name: datasets.DATASETS.load(name) for name in datasets.BUILTIN}
    assert {name for name, cls in classes.items() if issubclass(cls, Synthetic)} == set(FAMILIES)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("name", FAMILIES)
def test_stored_betti_numbers_are_those_measured(name, difficulty):
    """A hundred samples: designed, stored and measured numbers are one under both constructions."""
    for sample in drawn(name, "train", 100, difficulty=difficulty):
        assert sample.betti == measured(name, sample)
        assert sample.betti["V"] == sample.betti["T"] == sample.prior


@pytest.mark.parametrize("name", FAMILIES)
def test_relaxed_masks_break_the_prior_and_say_so(name):
    """The stored numbers are the measured ones, and under one construction they are no prior."""
    for sample in drawn(name, "relaxed", 5):
        assert sample.betti == measured(name, sample)
        assert {sample.betti["V"], sample.betti["T"]} != {sample.prior}


@pytest.mark.parametrize("name", FAMILIES)
def test_images_keep_the_contract(name):
    """Float32 in [0, 1], targets of 0 and 1, channels as the card says."""
    info = datasets.info(name)
    for sample in drawn(name):
        assert sample.image.dtype == sample.target.dtype == np.float32
        assert sample.image.shape[0] == info.channels
        assert sample.target.shape == (len(info.classes), *sample.image.shape[1:])
        assert 0 <= sample.image.min() < sample.image.max() <= 1
        assert set(np.unique(sample.target)) == {0.0, 1.0}


@pytest.mark.parametrize("name", FAMILIES)
def test_content_belongs_to_the_revision(name):
    """If these numbers must change, so must the card's revision."""
    digest, mean = fingerprint(name)
    assert digest == PINNED[name][0]
    assert mean == pytest.approx(PINNED[name][1], abs=1e-4)


def test_processes_draw_the_same_bits():
    """One process or two, images and targets are equal to the last bit."""
    jobs = list(SMALL.items())
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(images_digest, jobs)) == [images_digest(job) for job in jobs]


@pytest.mark.parametrize("name", FAMILIES)
def test_size_and_order_change_no_sample(name):
    """The third sample is the third sample, asked for alone or after others."""
    whole, alone = drawn(name, "val", 4), datasets.load(name, "val", 3, **SMALL[name])[2]
    np.testing.assert_array_equal(whole[2].image, alone.image)
    assert whole[2].case == alone.case


@pytest.mark.parametrize("name", FAMILIES)
def test_seed_draws_training_and_leaves_tests_alone(name):
    """All runs are scored on the same images, and none of them is trained on."""
    for split in ("train", "val"):
        first, second = drawn(name, split, 2), drawn(name, split, 2, seed=1)
        assert not np.array_equal(first[0].target, second[0].target)
        assert first[0].case != second[0].case
    for split in ("test", "shifted"):
        first, second = drawn(name, split, 2), drawn(name, split, 2, seed=1)
        np.testing.assert_array_equal(first[1].image, second[1].image)


@pytest.mark.parametrize("name", FAMILIES)
def test_noise_leaves_the_shape_alone(name):
    """A nuisance of the image changes no mask."""
    plain, noisy = drawn(name), drawn(name, noise=0.3)
    for a, b in zip(plain, noisy, strict=True):
        np.testing.assert_array_equal(a.target, b.target)
        assert not np.array_equal(a.image, b.image)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_shifted_test_has_one_knob_elsewhere(name):
    """Its value lies outside all presets, and the shapes are drawn alike."""
    cls = datasets.DATASETS.load(name)
    for knob, value in cls.shift.items():
        usual = [preset[knob] for preset in cls.presets.values()]
        assert not min(usual) <= value <= max(usual), knob
    assert len(cls.shift) == 1


@pytest.mark.parametrize("kind", ["gaps", "specks", "dilation"])
@pytest.mark.parametrize("name", FAMILIES)
def test_label_noise_spares_the_tests(name, kind):
    """Training labels are wrong and keep the clean ones beside them; tests are clean."""
    clean = drawn(name, "train")
    noisy = drawn(name, "train", label_noise=kind)
    for a, b in zip(clean, noisy, strict=True):
        np.testing.assert_array_equal(a.target, b.clean)
        np.testing.assert_array_equal(a.image, b.image)
        assert not np.array_equal(b.target, b.clean)
        assert b.betti == measured(name, b)
        assert a.clean is None
    for a, b in zip(drawn(name), drawn(name, label_noise=kind), strict=True):
        np.testing.assert_array_equal(a.target, b.target)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"difficulty": "hrad"}, "'hrad'; did you mean 'hard'"),
        ({"label_noise": "gap"}, "'gap'; did you mean 'gaps'"),
        ({"noise": 3.0}, "noise .* got 3"),
        ({"noise": float("nan")}, "noise .* got nan"),
        ({"side": 1}, "side .* got 1"),
    ],
)
def test_refuses_parameters_out_of_range(name, params, message):
    """The message names the parameter and the value."""
    with pytest.raises(UserError, match=message):
        datasets.load(name, "test", 1, **params)
