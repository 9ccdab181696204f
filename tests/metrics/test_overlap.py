"""Dice and IoU: values by hand, against MONAI, empty masks, symmetry."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from monai.metrics import compute_dice, compute_iou

from topoeval.errors import UserError
from topoeval.metrics import dice, iou

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


@settings(deadline=None)
@given(arrays(bool, (3, 2, 4, 5)), arrays(bool, (3, 2, 4, 5)))
def test_equal_to_monai(prediction, target):
    """Dice of every pair, empty ones included; IoU of those with a target."""
    batches = [torch.from_numpy(masks).float() for masks in (prediction, target)]
    reference = compute_dice(*batches, include_background=True, ignore_empty=False)
    np.testing.assert_allclose(dice(prediction, target, 2), reference, rtol=1e-6)
    reference = compute_iou(*batches, include_background=True, ignore_empty=True).numpy()
    there = target.any(axis=(2, 3))
    np.testing.assert_allclose(iou(prediction, target, 2)[there], reference[there], rtol=1e-6)


def test_where_monai_answers_otherwise():
    """By default it answers NaN for an empty target, which drops the case from every mean."""
    empty, full = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    for prediction, ours in ((empty, 1.0), (full, 0.0)):
        assert compute_dice(prediction, empty).isnan().all()
        assert dice(prediction.bool(), empty.bool(), 2).item() == ours


def test_refuses_shapes_that_would_broadcast():
    """Broadcasting would compare one target with the whole batch."""
    with pytest.raises(UserError, match=r"\(3, 2, 2\) and \(2, 2\)"):
        dice(np.ones((3, 2, 2), bool), FULL)


def test_refuses_grey_values():
    """Where grey becomes foreground is not for Dice to decide."""
    with pytest.raises(UserError, match="float64"):
        dice(np.ones((2, 2)), FULL)


def test_a_masked_array_is_refused_where_it_hides_values():
    """A hidden voxel would be counted as what lies under the mask."""
    hidden = np.ma.masked_array(np.ones((4, 4), bool), mask=np.eye(4, dtype=bool))
    for score in (dice, iou):
        with pytest.raises(UserError, match=r"4 masked value\(s\); fill them first"):
            score(hidden, np.ones((4, 4), bool))
    assert dice(hidden.filled(False), ~np.eye(4, dtype=bool)) == 1
