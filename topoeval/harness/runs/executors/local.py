"""The executor `local` executes runs in processes of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Self

from topoeval.errors import UserError
from topoeval.harness.runs.executors.executor import Result, Settings
from topoeval.harness.runs.job import WORKER, Job, Launch, fresh, thread_variables
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.template import Template, can_fork
from topoeval.harness.runs.work import Work
from topoeval.harness.runs.worker import imports
from topoeval.harness.suites.suite import Limits
from topoeval.limits import usable_cores
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec


@dataclass
class Local:
    """Each run in a process of its own with hard limits, `slots` side by side.

    Parameters
    ----------
    slots
        Runs side by side.
    threads
        Threads of one run.
    worker
        The program that is given the run; `topoeval.harness.runs.worker` if None.
    gpus
        One for each run on CUDA at a time, by the names that CUDA_VISIBLE_DEVICES takes. Without
        any, such a run sees what this process sees.
    grace_s
        Between SIGTERM and SIGKILL.
    warm
        Fork runs from a process that has the libraries loaded, instead of loading them anew for
        each. On Linux only, and not for runs on CUDA, which cannot be used after a fork if a
        library has as much as looked for a GPU before. Another `worker` is forked if it is a module
        of this interpreter, ``(sys.executable, "-P", "-m", NAME)``: one that can be imported
        without being run.
    template
        That process, if it is there already. It ends with the executor.
    """

    slots: int = 1
    threads: int = 1
    worker: tuple[str, ...] | None = None
    gpus: tuple[str, ...] = ()
    grace_s: float = 5.0
    warm: bool = True
    template: Template | None = None
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _free: SimpleQueue[str] = field(default_factory=SimpleQueue, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        for gpu in self.gpus:
            self._free.put(gpu)

    @classmethod
    def configured(cls, settings: Settings, runs: Sequence[RunSpec]) -> Self:
        """Return one with a slot per core, or per GPU where all runs need one."""
        slots = slots_for(settings)
        on_cuda = [run.device == "cuda" for run in runs]
        gpus = gpus_for(settings) if any(on_cuda) else ()
        if all(on_cuda) and gpus:
            slots = min(slots, len(gpus))
        return cls(slots=slots, threads=settings.threads, gpus=gpus, template=settings.template)

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run in a process of its own; its failure becomes its record."""
        with self._gpu(spec) as variables:
            job = Job(
                spec,
                store.root.resolve(),
                store.suite,
                limits,
                threads=self.threads,
                worker=self.worker,
                environ=variables,
                grace_s=self.grace_s,
            )
            return job.run(self._stopped.is_set, self._launch(spec, store))

    def perform(self, work: Work[Result]) -> Result:
        """Execute some work on the processors of this machine."""
        return work.run(self._stopped.is_set)

    def stop(self) -> None:
        """End all running processes; they are gone when their calls of `run` return."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """End the template of the runs."""
        with self._lock:
            if self.template is not None:
                self.template.close()
                self.template = None

    def _launch(self, spec: RunSpec, store: Store) -> Launch:
        """Return how a run is to be started; the first call starts the template."""
        if not self.warm or spec.device == "cuda" or not can_fork(self.worker or WORKER):
            return fresh
        with self._lock:
            if self._stopped.is_set():
                return fresh  # which will not come to it
            if self.template is None:
                self.template = Template(store.template_log, thread_variables(self.threads))
            modules = imports([spec]) if self.worker is None else ()
            return partial(self.template.launch, modules=modules)

    @contextmanager
    def _gpu(self, spec: RunSpec) -> Iterator[dict[str, str]]:
        """Take a GPU for a run that needs one, and give it back."""
        if spec.device != "cuda" or not self.gpus:
            yield {}
            return
        gpu = self._free.get()
        try:
            yield {"CUDA_VISIBLE_DEVICES": gpu}
        finally:
            self._free.put(gpu)


def slots_for(settings: Settings) -> int:
    """Return how many runs go side by side: as told, or so that each thread has a core.

    Cores that this process may not use do not count.
    """
    return settings.jobs or max(1, usable_cores() // settings.threads)


def gpus_for(settings: Settings) -> tuple[str, ...]:
    """Return the GPUs that runs may take: those named, else all that this process sees.

    Raises
    ------
    UserError
        There is none.
    """
    if settings.gpus is not None:
        return settings.gpus
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return tuple(name.strip() for name in visible.split(","))
    import torch

    if not torch.cuda.device_count():
        raise UserError("runs on 'cuda', but torch sees no GPU; name them by --gpus 0,1")
    return tuple(str(index) for index in range(torch.cuda.device_count()))
