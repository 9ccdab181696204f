"""The recorded columns: values by hand, several classes, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.metrics import Settings, metric_of, score_cases
from topoeval.topology import Topology

T = Topology("T")
T_SETTINGS = Settings(T)
RECORDED = [
    "dice", "mse", "b{k}", "b{k}_true", "betti_error_{k}", "betti_error", "matches_truth",
    "matches_prior", "truth_matches_prior",
]  # fmt: skip

DISC = np.ones((3, 3))
RING = DISC.copy()
RING[1, 1] = 0
EMPTY = np.zeros((3, 3))


def scored(predictions, targets, priors=None, topology=T):
    """Score images of one class."""
    batch = [np.array(images)[:, None] for images in (predictions, targets)]
    columns = RECORDED if priors else RECORDED[:-2]
    return score_cases(*batch, Settings(topology), columns, priors=priors)


def test_columns_by_hand():
    """A right ring, a filled ring, and a ring missed altogether."""
    columns = scored([RING, DISC, EMPTY], [RING, RING, RING], [(1, 1)] * 3)
    expected = {
        "dice": [1, 16 / 17, 0],
        "mse": [0, 1 / 9, 8 / 9],
        "b0": [1, 1, 0],
        "b1": [1, 0, 0],
        "b0_true": [1, 1, 1],
        "b1_true": [1, 1, 1],
        "betti_error_0": [0, 0, 1],
        "betti_error_1": [0, 1, 1],
        "betti_error": [0, 1, 2],
        "matches_truth": [True, False, False],
        "matches_prior": [True, False, False],
        "truth_matches_prior": [True, True, True],
    }
    assert columns.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(columns[name], values, err_msg=name)


def test_recorded_values_have_not_changed():
    """The columns of the first records, bit for bit, in 2D and 3D and under four topologies."""
    path = Path(__file__).with_name("recorded_columns.json")
    for one in json.loads(path.read_text(encoding="utf-8")):
        ndim, classes = one["ndim"], one["classes"]
        rng = np.random.default_rng(one["seed"])
        p, g = rng.random((2, 6, classes) + (7,) * ndim, dtype=np.float32)
        priors = rng.integers(0, 3, (6, classes, ndim))
        found = score_cases(p, g, Settings(one["topology"]), RECORDED, priors=priors)
        assert {name: values.tolist() for name, values in found.items()} == one["columns"]


def test_prior_and_truth_are_judged_apart():
    """A mask that copies a wrong truth matches the truth and not the prior: the ceiling shows."""
    columns = scored([DISC, RING], [DISC, DISC], [(1, 1), (1, 1)])
    assert columns["matches_truth"].tolist() == [True, False]
    assert columns["matches_prior"].tolist() == [False, True]
    assert columns["truth_matches_prior"].tolist() == [False, False]


def test_without_priors_their_columns_are_absent():
    """A column of guesses would be worse than none."""
    assert not {"matches_prior", "truth_matches_prior"} & scored([RING], [RING]).keys()


def test_one_half_is_foreground():
    """The threshold is inclusive."""
    columns = scored([RING * 0.5, RING * 0.499], [RING, RING])
    assert columns["dice"].tolist() == [1, 0]


def test_sublevel_counts_the_dark_phase():
    """Under a sublevel topology Betti numbers belong to the dark side; Dice stays as it is."""
    columns = scored([RING], [RING], topology=Topology("T", "sublevel"))
    assert (columns["b0"].item(), columns["b1"].item(), columns["dice"].item()) == (1, 0, 1)
    columns = scored([1 - RING], [RING], topology=Topology("T", "sublevel"))
    assert (columns["b1"].item(), columns["b1_true"].item(), columns["dice"].item()) == (1, 0, 0)


def test_classes_are_summed_and_all_must_match():
    """Counts and errors add up over classes; one wrong class makes the case wrong."""
    predictions = np.array([[RING, DISC], [RING, RING]])
    targets = np.array([[RING, DISC], [RING, DISC]])
    priors = np.array([[(1, 1), (1, 0)]] * 2)
    columns = score_cases(predictions, targets, T_SETTINGS, priors=priors)
    assert columns["b1"].tolist() == [1, 2]
    assert columns["betti_error"].tolist() == [0, 1]
    assert columns["matches_truth"].tolist() == [True, False]
    assert columns["matches_prior"].tolist() == [True, False]
    np.testing.assert_allclose(columns["dice"], [1, (1 + 16 / 17) / 2])


def test_errors_of_two_classes_do_not_cancel():
    """A hole too many here and one too few there are two errors."""
    columns = score_cases(np.array([[RING, DISC]]), np.array([[DISC, RING]]), T_SETTINGS)
    assert columns["betti_error_1"].tolist() == [2]


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_column_is_explained(ndim):
    """A report finds title and direction of each column it meets, and all values in range."""
    rng = np.random.default_rng(0)
    p, g = rng.random((2, 5, 1, *(6,) * ndim))
    columns = score_cases(p, g, T_SETTINGS, priors=np.ones((5, ndim), int))
    assert f"b{ndim - 1}_true" in columns
    for name, values in columns.items():
        low, high = metric_of(name).range
        assert values.shape == (5,)
        assert (values >= low).all(), name
        assert high is None or (values <= high).all(), name


def test_torch_tensors_give_the_same_columns():
    """A tensor inside a graph is detached, not refused."""
    torch = pytest.importorskip("torch", reason="compares tensors with arrays")
    rng = np.random.default_rng(1)
    p, g = rng.random((2, 3, 1, 5, 5), dtype=np.float32)
    ours = score_cases(torch.from_numpy(p).requires_grad_(), torch.from_numpy(g), T_SETTINGS)
    for name, values in score_cases(p, g, T_SETTINGS).items():
        np.testing.assert_array_equal(ours[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("value", "shown"), [(3.5, "3.5"), (-0.25, "-0.25"), (float("nan"), "nan")]
)
def test_refuses_values_that_are_no_probabilities(value, shown):
    """Logits and NaN would pass a threshold and give plausible nonsense."""
    image = RING.copy()
    image[0, 0] = value
    with pytest.raises(UserError, match=rf"probabilities must lie in \[0, 1\].*{shown}"):
        scored([image], [RING])


@pytest.mark.parametrize("priors", [[(1, 1), None], [(1, 1)], [(1, 1, 0)] * 2])
def test_refuses_priors_that_do_not_fit(priors):
    """Half a column of priors, or one of the wrong dimension, is an error of the caller."""
    with pytest.raises(UserError, match="prior"):
        scored([RING, RING], [RING, RING], priors)


def test_importing_metrics_imports_no_torch():
    """Scoring stored masks must not cost the start of a framework."""
    code = "import sys, topoeval.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
