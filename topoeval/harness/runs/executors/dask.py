"""The executor `dask` executes runs on the workers of a `distributed` scheduler."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from typing import Any, Self

import distributed
from distributed.comm import CommClosedError

import topoeval
from topoeval.errors import UserError
from topoeval.harness.runs.executors.executor import Result, Settings
from topoeval.harness.runs.executors.local import gpus_for, slots_for
from topoeval.harness.runs.job import Job, inherited
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.work import Work
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec

_ATTEMPTS = 2
_CONNECT_S = 20


class LostWorkerError(RuntimeError):
    """A task was begun before, on a worker that is gone."""


class Dask:
    """Each run as one task: on its worker in a process of its own, with the same hard limits.

    A run on CUDA asks for one ``GPU``, a resource that workers are started with
    (``dask worker --resources GPU=1``). A run whose worker is lost is run once more; if that worker
    is lost too, it is recorded as crashed by the machine's fault.

    Parameters
    ----------
    client
        Connected to a scheduler whose workers see the results folder under the same name.
    slots
        Tasks in the scheduler's hands at a time; None for two for each thread of its workers, so
        that it always has the next one.
    threads
        Threads of one run.
    worker
        The program that is given the run; `topoeval.harness.runs.worker` if None.
    grace_s
        Between SIGTERM and SIGKILL.
    cluster
        To be closed with the client.

    Raises
    ------
    UserError
        The scheduler has no workers.
    """

    def __init__(
        self,
        client: distributed.Client,
        *,
        slots: int | None = None,
        threads: int = 1,
        worker: tuple[str, ...] | None = None,
        grace_s: float = 5.0,
        cluster: distributed.SpecCluster | None = None,
    ) -> None:
        assert client.scheduler is not None  # a client that is connected has one
        address = client.scheduler.address
        at_once = sum(client.nthreads().values())
        if not at_once:
            raise UserError(f"{address} has no workers; start some: dask worker {address}")
        self.slots = slots or 2 * at_once
        self._client = client
        self._cluster = cluster
        self._address = address
        self._threads = threads
        self._worker = worker
        self._grace_s = grace_s
        self._stopped = threading.Event()
        self._tasks: set[distributed.Future[Any]] = set()

    @classmethod
    def configured(cls, settings: Settings, runs: Sequence[RunSpec]) -> Self:
        """Return one on the scheduler at an address, or on one with workers that start here."""
        if settings.dask_address is not None:
            try:
                client = distributed.Client(
                    settings.dask_address, timeout=_CONNECT_S, set_as_default=False
                )
            except (OSError, ValueError) as error:
                raise UserError(
                    f"no dask scheduler replies at {settings.dask_address!r} ({error}); "
                    "start one: dask scheduler"
                ) from error
            return cls(client, slots=settings.jobs, threads=settings.threads)
        cluster = start_cluster(settings, runs)
        client = distributed.Client(cluster, set_as_default=False)
        client.wait_for_workers(len(cluster.workers), timeout=60)
        return cls(client, threads=settings.threads, cluster=cluster)

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run on a worker; its failure becomes its record."""
        job = Job(
            spec,
            store.root.resolve(),
            store.suite,
            limits,
            threads=self._threads,
            worker=self._worker,
            environ=inherited(),
            grace_s=self._grace_s,
        )
        return self.perform(job)

    def perform(self, work: Work[Result]) -> Result:
        """Execute some work on a worker, and once more if that is lost."""
        started = datetime.now(UTC)
        for _ in range(_ATTEMPTS):
            found = self._attempt(work)
            if found is not None:
                return found
        reason = f"lost its dask worker {_ATTEMPTS} times"
        return work.lost("crashed", "machine", reason, started)

    def stop(self) -> None:
        """End all runs; workers notice within a second."""
        self._stopped.set()
        self._client.cancel(list(self._tasks))

    def close(self) -> None:
        """Leave the scheduler; end it and its workers if they were started here."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _attempt(self, work: Work[Result]) -> Result | None:
        """Execute some work on some worker; None if that worker was lost."""
        token = uuid.uuid4().hex[:8]
        task = self._client.submit(
            _execute,
            work,
            token,
            topoeval.__version__,
            key=f"{work.label}-{work.folder.name}-{token}",
            resources={"GPU": 1} if work.device == "cuda" else None,
            pure=False,
        )
        self._tasks.add(task)
        try:
            if self._stopped.is_set():
                task.cancel()
            found: Result = task.result()
            return found
        except (distributed.KilledWorker, LostWorkerError):
            return None
        except (CancelledError, CommClosedError, TimeoutError) as error:
            if self._stopped.is_set():
                raise InterruptedError(f"{work.label} was stopped") from error
            raise UserError(
                f"lost the dask scheduler at {self._address}; what is finished is kept, "
                "the same command goes on"
            ) from error
        finally:
            self._tasks.discard(task)


def start_cluster(settings: Settings, runs: Sequence[RunSpec]) -> distributed.SpecCluster:
    """Return a scheduler with workers on this machine: one for each run at a time.

    A worker has one thread, and a GPU of its own where there are runs on CUDA.
    """
    on_cuda = any(run.device == "cuda" for run in runs)
    gpus = gpus_for(settings) if on_cuda else ()
    # runs have limits of their own; the memory of a worker is not theirs
    common: dict[str, Any] = {"nthreads": 1, "memory_limit": 0}
    options = [
        {**common, "resources": {"GPU": 1}, "env": {"CUDA_VISIBLE_DEVICES": gpu}} for gpu in gpus
    ]
    if not gpus or any(run.device != "cuda" for run in runs):
        options += [common] * slots_for(settings)
    return distributed.SpecCluster(
        scheduler={
            "cls": distributed.Scheduler,
            "options": {
                "host": "127.0.0.1",
                "port": 0,
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",  # of what else it serves by HTTP
            },
        },
        workers={
            index: {"cls": distributed.Nanny, "options": each} for index, each in enumerate(options)
        },
        name="topoeval",
    )


def _execute(work: Work[Result], token: str, version: str) -> Result:
    """On a worker: do some work, unless this was begun before on a worker that is gone.

    How often a scheduler gives the tasks of a lost worker to another one is a setting of the
    scheduler's. This makes it once, whatever the scheduler does.
    """
    here = f"dask worker on {socket.gethostname()}"
    if topoeval.__version__ != version:
        raise UserError(f"{here} has topoeval {topoeval.__version__}, the command has {version}")
    if not work.root.is_dir():
        raise UserError(f"{here} does not see {work.root}; that folder has to be shared")
    begun = work.folder / f"begun-{token}"
    begun.parent.mkdir(parents=True, exist_ok=True)
    try:
        begun.touch(exist_ok=False)
    except FileExistsError:
        begun.unlink()
        raise LostWorkerError(work.label) from None
    worker = distributed.get_worker()
    key = worker.get_current_task()

    def released() -> bool:
        # cancelled, or its client is gone: the scheduler cannot end it, so it asks to forget it
        task = worker.state.tasks.get(key)
        return task is None or task.state not in ("executing", "long-running")

    found = work.run(released)
    begun.unlink()
    return found
