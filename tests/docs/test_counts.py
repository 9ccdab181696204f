"""Numbers of things that the front pages name are those of the registries."""

import re
from pathlib import Path

import pytest

from topoeval import datasets, nnunet
from topoeval.evaluate.presets import PRESETS
from topoeval.losses import LOSSES

ROOT = Path(__file__).parents[2]
WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight",
    "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
)  # fmt: skip


def in_files():
    """Return how many adapters read a published data set."""
    return sum(datasets.info(name).needs_data and name != "folder" for name in datasets.DATASETS)


def drawn():
    """Return how many families are drawn."""
    return sum(
        not datasets.info(name).needs_data and name != "digits" for name in datasets.DATASETS
    )


COUNTS = [
    ("README.md", r"That is one of (\w+); \[docs/losses", lambda: len(list(LOSSES))),
    ("CHANGELOG.md", r"`topoeval\.losses`: (\w+) losses", lambda: len(list(LOSSES))),
    ("CHANGELOG.md", r"`topoeval\.nnunet`: (\w+) trainers", lambda: len(nnunet.TRAINERS)),
    ("CHANGELOG.md", r"`topoeval\.datasets`: (\w+) drawn families", drawn),
    ("CHANGELOG.md", r"adapters for (\w+) data sets in\s+files", in_files),
    ("CHANGELOG.md", r"--preset ((?:\w+ \| )+\w+)`", lambda: len(PRESETS)),
]


@pytest.mark.parametrize(("page", "pattern", "count"), COUNTS)
def test_a_count_is_that_of_the_registry(page, pattern, count):
    """A number in digits or letters, or as many names as stand there."""
    (found,) = re.findall(pattern, (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    if found in WORDS:
        number = WORDS.index(found)
    elif found.isdigit():
        number = int(found)
    else:
        number = len(re.findall(r"\w+", found))
    assert number == count()
