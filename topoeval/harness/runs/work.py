"""What executors execute: a run of a suite, or a few calls of one function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Fault, Status

Result_co = TypeVar("Result_co", covariant=True)


class Work(Protocol[Result_co]):
    """Something to execute in a process of its own, on this machine or another one.

    It can be pickled, and leaves its result in its folder.
    """

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    @property
    def root(self) -> Path:
        """The folder that all machines have to see under the same name."""
        ...

    @property
    def folder(self) -> Path:
        """A folder in it for this work alone."""
        ...

    @property
    def device(self) -> str:
        """``"cpu"``, or ``"cuda"`` if it takes a GPU."""
        ...

    @property
    def limits(self) -> Limits:
        """How long it may take, and how much memory it may have."""
        ...

    @property
    def grace_s(self) -> float:
        """Time between SIGTERM and SIGKILL."""
        ...

    def run(self, stopped: Callable[[], bool] = ...) -> Result_co:
        """Do it, leave the result, and return it.

        Parameters
        ----------
        stopped
            Asked twice a second whether the work is to be ended.

        Raises
        ------
        InterruptedError
            It was stopped.
        """
        ...

    def left(self) -> Result_co | None:
        """Return the result that was left; None without one."""
        ...

    def lost(self, status: Status, fault: Fault, reason: str, started: datetime) -> Result_co:
        """Return the result of work whose place was lost before it left any, and leave it."""
        ...
