"""The protocol of executors, and the settings that the command line gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from topoeval.harness.runs.store import Store
from topoeval.harness.runs.template import Template
from topoeval.harness.runs.work import Work
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec

Result = TypeVar("Result")


@dataclass(frozen=True)
class Settings:
    """Where and how runs are executed; nothing of it decides their results.

    Parameters
    ----------
    jobs
        Runs side by side; None leaves it to the executor.
    threads
        Threads of one run.
    gpus
        A GPU per run on CUDA, by the names that CUDA_VISIBLE_DEVICES takes; one named twice has two
        runs at a time. None for all that are visible.
    dask_address
        Of a scheduler; None starts one here.
    slurm
        Options of ``sbatch`` by their long names, for example ``{"partition": "gpu"}``.
    template
        The process that `local` forks runs from, where one was started before the plan was made.
    """

    jobs: int | None = None
    threads: int = 1
    gpus: tuple[str, ...] | None = None
    dask_address: str | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)
    template: Template | None = None


class Executor(Protocol):
    """Executes runs and other work; at most `slots` at the same time, called from threads."""

    slots: int

    @classmethod
    def configured(cls, settings: Settings, runs: Sequence[RunSpec]) -> Self:
        """Return an executor for `runs`.

        Raises
        ------
        UserError
            It cannot work with these settings or on this machine.
        """
        ...

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run and return its record, which then is also in the store.

        Raises
        ------
        InterruptedError
            It was ended by `stop`.
        """
        ...

    def perform(self, work: Work[Result]) -> Result:
        """Execute some work and return its result, which then also lies in its folder.

        Work whose place is lost is told so (`Work.lost`), and what that returns is the result.

        Raises
        ------
        InterruptedError
            It was ended by `stop`.
        """
        ...

    def stop(self) -> None:
        """End everything that is running."""
        ...

    def close(self) -> None:
        """Give back what was taken; nothing runs any more."""
        ...
