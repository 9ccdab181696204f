"""What methods are told of the Betti numbers, and what scores know."""

import numpy as np
import pytest
import torch

from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.runs.build import load_split
from topoeval.harness.runs.priors import with_told_priors
from topoeval.harness.suites.catalogue import load_suite

SUITE = """
schema = 1
name = "priors"
title = "Priors"
seeds = [0]
methods = ["cross_entropy", "largest_component"]
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
training = { epochs = 1 }
SAID

[[dataset]]
name = "strokes"
sizes = { train = 40, test = 20 }
"""


@pytest.fixture
def corrected(tmp_path):
    """Return the run of the remedy in a suite that says something of priors, and all runs."""

    def make(said, dataset="strokes"):
        path = tmp_path / "suite.toml"
        path.write_text(SUITE.replace("SAID", said).replace('"strokes"', f'"{dataset}"'))
        runs = plan(load_suite(str(path)))
        return next(run for run in runs if run.method.name == "largest_component"), runs

    return make


def test_priors_are_given_measured_or_the_most_frequent_of_the_training(corrected):
    """Of digits, class and oracle agree: their Betti numbers are those of their class."""
    plain, before = corrected("")
    test = load_split(plain, "test")
    assert with_told_priors(plain, test).priors is test.priors
    oracle, _ = corrected('prior = "oracle"')
    assert torch.equal(with_told_priors(oracle, test).priors, test.priors)
    labelled, _ = corrected('prior = "class"')
    known = set(load_split(labelled, "train").labels.tolist())
    assert known == set(range(10))
    assert torch.equal(with_told_priors(labelled, test).priors, test.priors)
    frequent, runs = corrected('prior = "train"')
    train = load_split(frequent, "train").priors.tolist()
    mode = max(train, key=train.count)
    assert with_told_priors(frequent, test).priors.tolist() == [mode] * 20
    # who is told no prior keeps its identity
    changed = {run.id for run in before} ^ {run.id for run in runs}
    assert changed == {plain.id, frequent.id}


def test_a_prior_is_wrong_by_what_is_asked(corrected):
    """One hole too many for each; never fewer than none."""
    wrong, _ = corrected("prior_error = [-2, 1]")
    test = load_split(wrong, "test")
    told = with_told_priors(wrong, test).priors.numpy()
    expected = test.priors.numpy() + np.array([-2, 1])
    np.testing.assert_array_equal(told, expected.clip(min=0))


@pytest.mark.parametrize(
    ("said", "dataset", "message"),
    [
        ("prior_error = [1]", "strokes", "one number for each of the 2"),
        ('prior = "class"', "cardiac[side=48]", "has no labels"),
    ],
)
def test_what_cannot_be_told_is_an_obstacle(corrected, said, dataset, message):
    """Found before the first run."""
    _, runs = corrected(said, dataset)
    assert any(message in reason for reason in obstacles(runs).values())


def test_a_threshold_by_validation_needs_a_split(corrected):
    """And says which it misses."""
    with pytest.raises(UserError, match="no size of 'val'"):
        corrected('threshold = "dice"')
