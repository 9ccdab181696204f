"""`bench/repairs.py` and `bench/wrong_priors.py`: the tables of docs/repair.md."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from topoeval.statistics import NOTHING

ROOT = Path(__file__).parents[2]


def script(name, folder="bench"):
    """Load a script of bench/ or docs/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def repairs():
    """The script of tables."""
    return script("repairs")


def runs(dice, seeds=5):
    """What an arm scored: the same four cases in each seed, moved by a hundredth a seed."""
    columns = {
        "matches_prior": [1, 1, 1, 0],
        "matches_truth": [1, 1, 0, 0],
        "betti_matching_union": [0, 0, 1, 2],
    }
    fixed = {name: np.array(values, float) for name, values in columns.items()}
    return {seed: {**fixed, "dice": np.array(dice) + seed / 100} for seed in range(seeds)}


def test_differences_are_of_the_seeds_that_both_have(repairs):
    """Paired: what moves both arms by the same is no difference."""
    one, other = runs([0.9, 0.8, 0.7, 0.6]), runs([0.8, 0.8, 0.6, 0.5])
    assert repairs.difference(one, other, "dice", 4) == "+0.0750 [-0.0046, +0.1546]"
    del other[3]
    text = repairs.difference(one, other, "dice", 4)
    assert text == "+0.0750 (seeds +0.0750, +0.0750, +0.0750, +0.0750)"
    assert repairs.difference(one, {}, "dice", 4) == NOTHING


def test_an_arm_that_was_not_run_is_a_dash(repairs):
    """Rows that no dataset has are left out."""
    arms = {"rings": {"edit": runs([0.9] * 4), "betti_prior_post": runs([0.8] * 4)}, "roads": {}}
    lines = repairs.means(arms).splitlines()
    assert lines[2:] == [
        f"| `betti_prior_post` | 0.500 / 0.8200 / 0.750; 15 of 20 | {NOTHING} |",
        f"| `edit` | 0.500 / 0.9200 / 0.750; 15 of 20 | {NOTHING} |",
    ]
    rows = repairs.differences(arms, "dice").splitlines()[2:]
    assert len(rows) == 1
    assert rows[0].startswith("| `edit` less `betti_prior_post` | +0.1000")


def test_the_page_has_the_figures_of_the_committed_records():
    """`python docs/make_repair.py` would change nothing; every arm with an edit meets the prior."""
    make_repair = script("make_repair", "docs")
    assert make_repair.page() == make_repair.PAGE.read_text(encoding="utf-8")


def test_priors_that_are_wrong_by_one():
    """No number is negative, and no hole is without a component."""
    own = np.array([[1, 0], [2, 1], [1, 1]])
    found = {name: (priors, which) for name, priors, which in script("wrong_priors").wrong(own)}
    assert list(found) == ["own", "b0 +1", "b0 -1", "b1 +1", "b1 -1"]
    assert found["own"][0].tolist() == own.tolist()
    assert found["b1 +1"][0].tolist() == [[1, 1], [2, 2], [1, 2]]
    assert found["b1 -1"][1].tolist() == [False, True, True]
    # an empty image has no holes; without its component the hole of the third is none
    assert found["b0 -1"][1].tolist() == [True, True, False]


def test_the_area_is_the_chance_of_the_shorter_bar():
    """By all pairs, ties counted half."""
    rng = np.random.default_rng(0)
    own, other = rng.integers(0, 6, 30) / 5, rng.integers(0, 4, 20) / 5
    less = other[None] < own[:, None]
    same = other[None] == own[:, None]
    assert script("wrong_priors").area(own, other) == pytest.approx((less + same / 2).mean())
