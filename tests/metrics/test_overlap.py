"""Dice: values by hand, empty masks, symmetry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from topoeval.errors import UserError
from topoeval.metrics import dice

EMPTY, DOT, FULL = np.zeros((2, 2), bool), np.eye(2, dtype=bool), np.ones((2, 2), bool)


@pytest.mark.parametrize(
    ("prediction", "target", "score"),
    [
        pytest.param(DOT, FULL, 2 * 2 / (2 + 4), id="half"),
        pytest.param(DOT, ~DOT, 0.0, id="disjoint"),
        pytest.param(FULL, FULL, 1.0, id="equal"),
        pytest.param(EMPTY, EMPTY, 1.0, id="both empty"),
        pytest.param(EMPTY, FULL, 0.0, id="prediction empty"),
        pytest.param(FULL, EMPTY, 0.0, id="target empty"),
    ],
)
def test_by_hand(prediction, target, score):
    """The formula, and the rule where the formula says 0/0."""
    assert dice(prediction, target) == pytest.approx(score)


def test_leading_axes_stay():
    """Each sample and channel is scored by itself, never pooled."""
    prediction = np.stack([[DOT, EMPTY], [FULL, FULL]])
    target = np.stack([[FULL, EMPTY], [FULL, EMPTY]])
    np.testing.assert_allclose(dice(prediction, target, 2), [[2 / 3, 1], [1, 0]])


@given(arrays(bool, (4, 3, 3)), arrays(bool, (4, 3, 3)))
def test_symmetric_and_bounded(prediction, target):
    """Prediction and truth play the same part, and the score is a share."""
    score = dice(prediction, target, 2)
    np.testing.assert_array_equal(score, dice(target, prediction, 2))
    assert ((score >= 0) & (score <= 1)).all()


def test_refuses_shapes_that_would_broadcast():
    """Broadcasting would compare one target with the whole batch."""
    with pytest.raises(UserError, match=r"\(3, 2, 2\) and \(2, 2\)"):
        dice(np.ones((3, 2, 2), bool), FULL)


def test_refuses_grey_values():
    """Where grey becomes foreground is not for Dice to decide."""
    with pytest.raises(UserError, match="float64"):
        dice(np.ones((2, 2)), FULL)
