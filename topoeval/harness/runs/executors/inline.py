"""The executor `inline` executes runs in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from topoeval.harness.runs.executors.executor import Result, Settings
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.work import Work
from topoeval.harness.runs.worker import execute
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec


@dataclass
class Inline:
    """In this process, one after another; a debugger can step in. Limits are not enforced."""

    threads: int = 1
    slots: int = 1

    @classmethod
    def configured(cls, settings: Settings, runs: Sequence[RunSpec]) -> Self:
        """Return one; there is nothing to choose but the threads."""
        return cls(threads=settings.threads)

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run in this process."""
        return execute(spec, store, threads=self.threads)

    def perform(self, work: Work[Result]) -> Result:
        """Execute some work, which starts a process of its own."""
        return work.run()

    def stop(self) -> None:
        """Nothing outlives a call."""

    def close(self) -> None:
        """Nothing was taken."""
