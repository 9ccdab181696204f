"""Callbacks that are called after each step and each epoch of a training."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from topoeval.whole_file import write_text


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser.

    Parameters
    ----------
    step, epoch
        Counted from 1, over interruptions too.
    terms
        Value of each term of the objective, unweighted.
    total
        The weighted sum that was minimised.
    learning_rate
        Of this step.
    seconds
        Wall-clock time since the step before.
    """

    step: int
    epoch: int
    terms: Mapping[str, float]
    total: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the images; `terms` are means over its steps, `step` is its last one."""

    step: int
    epoch: int
    terms: Mapping[str, float]
    learning_rate: float
    seconds: float


class Callback(Protocol):
    """Is called as a training goes on, and changes nothing about it."""

    def on_step(self, step: Step) -> None:
        """A step was taken."""
        ...

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""
        ...

    def on_end(self) -> None:
        """Nothing more will come, be the training finished or broken off."""
        ...


class Audience:
    """Tells callbacks in turn, with the time since it told them last; tells them the end, always.

    >>> class Prints:
    ...     def on_step(self, step): print(step.step, step.terms)
    ...     def on_epoch(self, epoch): print("epoch", epoch.epoch)
    ...     def on_end(self): print("end")
    >>> with Audience([Prints()]) as audience:
    ...     audience.step(1, 1, {"dice": 0.5}, 0.5, 1e-3)
    ...     audience.epoch(1, 1, {"dice": 0.5}, 1e-3)
    1 {'dice': 0.5}
    epoch 1
    end
    """

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        self._callbacks = tuple(callbacks)
        self._step_began = self._epoch_began = time.perf_counter()

    def __enter__(self) -> Audience:
        return self

    def __exit__(self, *error: object) -> None:
        for callback in self._callbacks:
            callback.on_end()

    def step(
        self, step: int, epoch: int, terms: Mapping[str, float], total: float, learning_rate: float
    ) -> None:
        """Tell of a step."""
        now = time.perf_counter()
        seconds, self._step_began = now - self._step_began, now
        told = Step(step, epoch, terms, total, learning_rate, seconds)
        for callback in self._callbacks:
            callback.on_step(told)

    def epoch(
        self, step: int, epoch: int, terms: Mapping[str, float], learning_rate: float
    ) -> None:
        """Tell of an epoch."""
        now = time.perf_counter()
        seconds, self._epoch_began = now - self._epoch_began, now
        told = Epoch(step, epoch, terms, learning_rate, seconds)
        for callback in self._callbacks:
            callback.on_epoch(told)


class JsonLines:
    """Writes a line of JSON per step and per epoch, each at once: ``tail -f`` shows them.

    A training that was interrupted and goes on from its last checkpoint repeats some steps; their
    first lines are dropped, so that each step has one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def on_step(self, step: Step) -> None:
        """Write the step."""
        if self._file is None:
            self._file = self._opened(before=step.step)
        self._write("step", asdict(step))

    def on_epoch(self, epoch: Epoch) -> None:
        """Write the means of the epoch."""
        self._write("epoch", asdict(epoch))

    def on_end(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: str, data: Mapping[str, Any]) -> None:
        assert self._file is not None  # an epoch has steps
        self._file.write(json.dumps({"event": event, **data}) + "\n")

    def _opened(self, before: int) -> IO[str]:
        """Open the file after what it says of the steps `before` this one."""
        kept: list[str] = []
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines(
                keepends=True
            )
            # a line without an end was being written when its process died
            kept = [x for x in lines if x.endswith("\n") and 0 <= _step_of(x) < before]
        write_text(self.path, "".join(kept))
        return self.path.open("a", buffering=1, encoding="utf-8")


def _step_of(line: str) -> int:
    """Return the step of a line, -1 of one that is damaged."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1
