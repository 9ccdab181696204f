"""A metric of one's own: what a card must say, and what its function may return."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.metrics import METRICS, Empty, Metric, Settings, score, score_cases

MASK = np.zeros((2, 6, 6), bool)
MASK[:, 1:4, 1:4] = True
EMPTY = Empty(0, "counted", "counted")


@pytest.fixture
def register():
    """Register metrics for the time of a test."""
    names = []

    def add(name, scores, **fields):
        metric = Metric(
            **{"name": name, "title": name, "scores": scores, "direction": "lower", "empty": EMPTY}
            | fields
        )
        METRICS.register(name, metric)
        names.append(name)

    yield add
    for name in names:
        METRICS.forget(name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Volume error"}, "lower-case"),
        ({"direction": "up"}, "direction is one of"),
        ({"needs": ("mask",)}, "needs is one of"),
        ({"over_classes": "max"}, "over_classes is one of"),
        ({"range": (1, 0)}, "upwards"),
    ],
)
def test_a_card_that_means_nothing_is_refused(fields, words):
    """Before any table shows it."""
    with pytest.raises(UserError, match=words):
        Metric(
            **{"name": "m", "title": "M", "scores": lambda p, g, s: {}, "direction": "lower"}
            | {"empty": EMPTY}
            | fields
        )
    with pytest.raises(UserError, match=r"a topoeval\.metrics\.Metric"):
        METRICS.register("m", 3)


def test_one_call_for_the_columns_of_a_function(register):
    """And one per dimension of homology where the name says so."""
    calls = []

    def counts(prediction, target, settings):
        calls.append(prediction.shape)
        return {"own": 1, "own_0": 2, "own_1": 3}

    register("own", counts, range=(0, None))
    register("own_{k}", counts, range=(0, None))
    assert score(*MASK, columns=["own_{k}", "own"]) == {"own": 1, "own_0": 2, "own_1": 3}
    assert calls == [(6, 6)]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"own": 2}, "outside its range 0 to 1"),
        ({"own": float("nan")}, "outside its range"),
        ({"owm": 1}, "must return a mapping with the column 'own'"),
        ({"own": [1, 2]}, "one number per image"),
    ],
)
def test_what_a_function_must_not_return(register, returned, words):
    """No wrong number reaches a record."""
    register("own", lambda p, g, s: returned)
    with pytest.raises(UserError, match=words):
        score(*MASK, columns="own")


def test_classes_are_reduced_as_the_card_says(register):
    """Two classes of two cases: a mean, a sum, and whether all hold."""
    for how in ("mean", "sum", "all"):
        register(
            f"own_{how}",
            lambda p, g, s, how=how: {f"own_{how}": float(p.any())},
            over_classes=how,
            range=(0, None),
        )
    p = np.zeros((2, 2, 4, 4))
    p[0], p[1, 0] = 1, 1
    found = score_cases(p, p, columns=["own_mean", "own_sum", "own_all"])
    assert {name: values.tolist() for name, values in found.items()} == {
        "own_mean": [1, 0.5],
        "own_sum": [2, 1],
        "own_all": [True, False],
    }


def test_each_case_has_its_own_spacing():
    """Distances are in units of the spacing of the case, and not of the first one's."""
    p, g = np.zeros((2, 2, 1, 9, 9))
    p[:, :, 2], g[:, :, 5] = 1, 1
    found = score_cases(p, g, Settings("T"), "hd95", spacings=[(1.0, 1.0), (0.5, 1.0)])
    assert found["hd95"].tolist() == [3.0, 1.5]
    with pytest.raises(UserError, match="2 cases need as many spacings"):
        score_cases(p, g, columns="hd95", spacings=[(1.0, 1.0)])
