"""Whether a reader still recognises a restored digit: the metric of the datasets of digits."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.metric import Empty, Metric, Settings

READER = "judge"
"""The auxiliary network: a classifier of clean digits."""


def digit_correct(
    prediction: NDArray[Any], target: NDArray[Any], settings: Settings
) -> dict[str, NDArray[Any]]:
    """Return whether the reader sees the right digit in each image of a stack.

    Raises
    ------
    UserError
        If labels are not given, or the reader is not.
    """
    if settings.labels is None or READER not in settings.networks:
        raise UserError(f"digit_correct needs labels and the network {READER!r} of the dataset")
    return {"digit_correct": settings.networks[READER](prediction) == settings.labels}


DIGIT_CORRECT = Metric(
    name="digit_correct",
    title="Digit accuracy",
    label="digit_accuracy",
    scores=digit_correct,
    direction="higher",
    empty=Empty("counted", "counted", "counted"),
    needs=("probabilities", "labels"),
    network=READER,
    over_classes="all",
    cost="medium",
    batched=True,
)
