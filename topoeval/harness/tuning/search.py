"""The search for one method on one dataset, and the rule by which a trial is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from topoeval.harness.suites.space import Space
from topoeval.harness.suites.tuned import Choice
from topoeval.harness.tuning.samplers import Sampler, Trial
from topoeval.records.parts import Method
from topoeval.records.spec import RunSpec


@dataclass
class Search:
    """The search for one method on one dataset, and what came of it.

    Parameters
    ----------
    method, runs
        The method, and its planned runs with its own values, one per seed.
    space
        What is searched; empty where there is nothing to choose.
    enough
        The Dice that makes a trial admissible.
    chosen
        Place of the chosen trial; None where nothing was tried, or nothing ended well.
    within
        Whether the chosen trial has enough Dice.
    why
        The reason in words.
    """

    method: Method
    runs: Sequence[RunSpec]
    space: Space
    sampler: Sampler
    trials: list[Trial] = field(default_factory=list)
    enough: float | None = None
    chosen: int | None = None
    within: bool = False
    why: str = ""

    @property
    def choice(self) -> Choice:
        """What final runs are to use; the method's own values if nothing was chosen."""
        dataset = self.runs[0].dataset
        values = {} if self.chosen is None else self.trials[self.chosen].values
        return Choice(
            dataset=dataset.name, params=dataset.params, method=self.method.label, values=values
        )

    def choose(self, enough: float | None) -> None:
        """Apply the rule: enough Dice first, then the lowest Betti error.

        `enough` None stands for the reference itself, whose best Dice sets the bar for all.
        """
        self.enough = enough
        if not self.trials:
            self.why = "nothing to tune"
            return
        scored = [
            (place, trial.dice, trial.betti_error)
            for place, trial in enumerate(self.trials)
            if trial.dice is not None and trial.betti_error is not None
        ]
        if not scored:
            self.why = "no trial ended well; the method keeps its own values"
            return
        good = [one for one in scored if enough is not None and one[1] >= enough]
        self.within = bool(good)
        if good:
            self.chosen, _, betti_error = min(good, key=lambda one: (one[2], -one[1], one[0]))
            self.why = (
                f"lowest Betti error ({betti_error:.4g}) of the {len(good)} of {len(self.trials)} "
                f"trials with a Dice of at least {enough:.4f}"
            )
            return
        self.chosen, dice, _ = max(scored, key=lambda one: (one[1], -one[2], -one[0]))
        bar = "that the reference sets, for it failed" if enough is None else f"of {enough:.4f}"
        self.why = f"no trial has the Dice {bar}; highest Dice ({dice:.4f})"
