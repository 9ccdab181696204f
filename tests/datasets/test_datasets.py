"""The face of the package: names, cards, lazy imports."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from topoeval import datasets
from topoeval.datasets.digit_task import DIGIT_PRIORS
from topoeval.datasets.randomness import stream
from topoeval.errors import UserError

BUNDLED = [name for name in datasets.BUILTIN if not datasets.info(name).needs_data]
DIGITS = ["digits", "mnist", "strokes"]
"""Datasets of the seed's task, which have a judge."""


def test_face():
    """What the package offers, no more."""
    assert set(datasets.__all__) <= set(dir(datasets))
    assert list(datasets.BUILTIN) == sorted(datasets.BUILTIN)


@pytest.mark.parametrize("name", datasets.BUILTIN)
def test_card_is_complete(name):
    """Every field that a caption or a citation needs is filled, and nobody can change it."""
    info = datasets.info(name)
    assert info.name == name
    assert info.splits[:4] == ("train", "unlabelled", "val", "test")
    assert ("judge" in info.splits) == (name in DIGITS)
    for field in ("title", "task", "revision", "licence", "citation", "home", "prior"):
        assert getattr(info, field), field
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.revision = "2"


@pytest.mark.parametrize("name", sorted({*BUNDLED} & {*DIGITS}))
@pytest.mark.parametrize("split", ["train", "unlabelled", "val", "test", "judge"])
def test_samples_keep_the_contract(name, split):
    """Shapes, dtypes, ranges and unique names are what `Sample` promises."""
    info = datasets.info(name)
    dataset = datasets.load(name, split, 12)
    samples = list(dataset)
    assert len(samples) == len(dataset) == 12
    assert len({sample.case for sample in samples}) == 12
    images, targets = datasets.stack(samples)
    for values in (images, targets):
        assert values.shape == (12, info.channels, *(28,) * info.ndim)
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1
    assert all(sample.betti.keys() == {"V", "T"} for sample in samples)
    np.testing.assert_array_equal(images[3], dataset[3].image)


@pytest.mark.parametrize("name", BUNDLED)
def test_default_size(name):
    """Leaving the size out takes the card's."""
    assert len(datasets.load(name, "train")) == datasets.info(name).sizes["train"]


@pytest.mark.parametrize("name", BUNDLED)
def test_case_names_are_unique_across_splits(name):
    """Per-case records of different splits can be joined without confusion."""
    drawn = [
        sample.case
        for split in datasets.info(name).splits
        for sample in datasets.load(name, split, 15)
    ]
    assert len(set(drawn)) == len(drawn)


def test_priors_of_the_digits():
    """The seed paper's table: one hole in 0, 6, 9, two in 8, none elsewhere."""
    assert [b1 for _, b1 in DIGIT_PRIORS] == [1, 0, 0, 0, 0, 0, 1, 0, 2, 1]
    assert {b0 for b0, _ in DIGIT_PRIORS} == {1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.load("strokse", "train"), "'strokse'; did you mean 'strokes'"),
        (lambda: datasets.load("strokes", "tset"), "'tset'; did you mean 'test'"),
        (lambda: datasets.load("strokes", "test", 1, linse=4), "'linse'; did you mean 'lines'"),
        (lambda: datasets.load("digits", "test", 1, pen=0.1), "no parameter 'pen'"),
        (lambda: datasets.info("minst"), "did you mean 'mnist'"),
    ],
)
def test_slips_are_named(call, message):
    """The message carries the value and the nearest known name."""
    with pytest.raises(UserError, match=message):
        call()


def test_streams_belong_to_their_keys():
    """Equal keys, equal numbers; joined parts are another key."""
    assert stream("a", "b", 1).random() == stream("a", "b", 1).random()
    assert stream("a", "b").random() != stream("ab").random()


@pytest.mark.parametrize("heavy", ["torch", "sklearn", "skimage", "scipy"])
def test_importing_datasets_imports_nothing_heavy(heavy):
    """Listing datasets and reading cards of drawn ones costs no framework."""
    code = (
        "import sys; from topoeval import datasets; datasets.info('strokes'); "
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
