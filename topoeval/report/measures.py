"""What the report shows of a run: name, direction, range and digits of every score."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One score of a case, as a column of the table.

    Parameters
    ----------
    key
        Column of a record's cases.
    name
        Name in CSV files, one word.
    title
        Header, without the arrow.
    better
        ``"higher"``, ``"lower"``, or ``""`` for a property of the data that nobody can win.
    lowest, highest
        Range of the score; intervals are cut there.
    """

    key: str
    name: str
    title: str
    better: str
    lowest: float = 0.0
    highest: float = 1.0
    digits: int = 3

    @property
    def header(self) -> str:
        """Title with the arrow of its good direction."""
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[self.better]
        return self.title + arrow


DICE = Measure("dice", "dice", "Dice", "higher")
BETTI_ERROR = Measure("betti_error", "betti_error", "Betti error", "lower", highest=math.inf)
BETTI_ERRORS = tuple(
    Measure(f"betti_error_{k}", f"betti_error_{k}", f"Betti error b{k}", "lower", highest=math.inf)
    for k in range(3)
)
# "Own" is the mask of the case itself; "prior" the Betti numbers its class is supposed to have.
OWN = Measure("matches_truth", "betti_accuracy", "Betti accuracy", "higher")
PRIOR = Measure("matches_prior", "prior_accuracy", "Prior accuracy", "higher")
CEILING = Measure("truth_matches_prior", "prior_ceiling", "Prior ceiling", "")
MSE = Measure("mse", "mse", "MSE", "lower", highest=math.inf, digits=4)
DIGIT = Measure("digit_correct", "digit_accuracy", "Digit accuracy", "higher")

MEASURES = (DICE, BETTI_ERROR, *BETTI_ERRORS, OWN, PRIOR, CEILING, MSE, DIGIT)
# Shown as paired difference to the reference method.
COMPARED = (OWN, DICE)
