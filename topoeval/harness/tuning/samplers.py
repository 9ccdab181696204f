"""Samplers: they propose the values of the next trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from topoeval.errors import UnavailableError
from topoeval.harness.suites.space import Axis, Range, Values, significant, spread
from topoeval.harness.suites.suite import SamplerName

if TYPE_CHECKING:
    import optuna


@dataclass
class Trial:
    """Values that were tried, and how they did on the validation images.

    Parameters
    ----------
    values
        By name; empty where there is nothing to choose.
    runs
        Identities of its runs, one per seed.
    dice, betti_error
        Means over cases, then seeds; None if a run did not end well.
    error
        How the run that did not end well ended.
    """

    values: Values
    runs: list[str] = field(default_factory=list)
    dice: float | None = None
    betti_error: float | None = None
    error: str | None = None


class Sampler(Protocol):
    """Proposes values in batches; the trials of one batch may run side by side."""

    def ask(self) -> list[Values]:
        """Return what to try next; nothing when the search is over."""
        ...

    def tell(self, trials: Sequence[Trial], enough: float | None) -> None:
        """Take in the scores of the batch, and which Dice is enough (None: not known yet)."""
        ...


class Grid:
    """Tries the method's own values and others, evenly spread over the space."""

    def __init__(self, space: Mapping[str, Axis], count: int, first: Values) -> None:
        self._waiting = spread(space, count, first)

    def ask(self) -> list[Values]:
        """Return all values at once, the first time."""
        asked, self._waiting = self._waiting, []
        return asked

    def tell(self, trials: Sequence[Trial], enough: float | None) -> None:
        """Nothing depends on it."""


class Optuna:
    """Tries the method's own values, as many at random again, then where Optuna's TPE hopes most.

    What is minimised is the Betti error; a Dice below what is enough breaks a constraint. The same
    seed and the same results give the same proposals, so an interrupted search goes on as it would
    have.
    """

    def __init__(self, space: Mapping[str, Axis], count: int, first: Values, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise UnavailableError(
                "sampler 'optuna' is not installed; pip install \"topoeval[tune]\""
            ) from error
        self._optuna = optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = {name: self._distribution(axis) for name, axis in space.items()}
        self._first: list[Values] = [first]
        self._count = count
        self._batch = max(1, (count - 1) // 2)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=self._batch)
        self._study = optuna.create_study(direction="minimize", sampler=sampler)
        self._asked: list[optuna.trial.Trial] = []

    def ask(self) -> list[Values]:
        """Return the first values; then the random ones at once; then one at a time."""
        if self._first:
            asked, self._first = self._first, []
            self._count -= 1
            return asked
        size = min(self._count, self._batch)
        self._count -= size
        self._batch = 1
        self._asked = [self._study.ask(self._space) for _ in range(size)]
        return [self._values(trial.params) for trial in self._asked]

    def tell(self, trials: Sequence[Trial], enough: float | None) -> None:
        """Add the trials to the study; one that failed counts as tried."""
        for trial, asked in zip(trials, self._asked, strict=False):
            if trial.dice is None or trial.betti_error is None:
                self._study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
                continue
            if enough is not None:
                asked.set_constraint("dice", enough - trial.dice)
            self._study.tell(asked, trial.betti_error)

    def _distribution(self, axis: Axis) -> Any:
        if isinstance(axis, Range):
            return self._optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)
        return self._optuna.distributions.CategoricalDistribution(axis)

    def _values(self, params: Mapping[str, Any]) -> Values:
        return {k: significant(v) if isinstance(v, float) else v for k, v in params.items()}


def make_sampler(
    name: SamplerName, space: Mapping[str, Axis], count: int, first: Values, seed: int
) -> Sampler:
    """Return the sampler called `name` for `count` trials, the first of them with values `first`.

    Raises
    ------
    UnavailableError
        The sampler is Optuna's, and Optuna is not installed.
    """
    if name == "optuna" and space:
        return Optuna(space, count, first, seed)
    return Grid(space, count, first)
