"""The child processes in which engines run: one that is timed, one whose memory is measured.

An engine that crashes, hangs or keeps memory does so alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from topoeval.backend_timing.cases import Case
from topoeval.persistence import BACKENDS, Backend

_STATUS = Path("/proc/self/status")


class Sample(NamedTuple):
    """One call: seconds of all its threads, seconds on the clock, bars by dimension."""

    cpu: float
    wall: float
    bars: tuple[int, ...]


def serve(connection: Connection, backend: str) -> None:
    """Time one call for every case that is sent, until the other end closes."""
    engine = BACKENDS.load(backend)()
    _warm_up(engine)
    connection.send("ready")
    latest: tuple[Case, NDArray[np.float32]] | None = None
    while True:
        try:
            case: Case = connection.recv()
        except EOFError:
            return
        if latest is None or latest[0] != case:
            latest = case, case.batch()
        connection.send(_attempt(_time, engine, *latest))


def weigh(connection: Connection, backend: str, case: Case) -> None:
    """Send the bytes by which the process grew, at its largest, in one call."""
    engine = BACKENDS.load(backend)()
    _warm_up(engine)
    batch = case.batch()
    connection.send("ready")
    connection.send(_attempt(_grow, engine, case, batch))


def dims_of(engine: Backend, case: Case) -> list[int]:
    """Return the homology dimensions of such an image that the engine computes."""
    return [dim for dim in engine.info.dims if dim < case.ndim]


def can_weigh() -> bool:
    """Whether this system tells, and forgets on request, the largest size of a process."""
    return _STATUS.exists()


def _time(engine: Backend, case: Case, batch: NDArray[np.float32]) -> Sample:
    dims = dims_of(engine, case)
    wall, cpu = time.perf_counter(), time.process_time()
    table = engine.compute(batch, case.topology, dims)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Sample(cpu, wall, tuple(int((table.dim == dim).sum()) for dim in dims))


def _grow(engine: Backend, case: Case, batch: NDArray[np.float32]) -> int:
    Path("/proc/self/clear_refs").write_text("5")  # the largest size so far is now the present one
    before = _status_bytes("VmRSS")
    engine.compute(batch, case.topology, dims_of(engine, case))
    return max(_status_bytes("VmHWM") - before, 0)


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise LookupError(f"{_STATUS} has no {field}")


def _warm_up(engine: Backend) -> None:
    """Make the engine import its library and start what it starts once."""
    for ndim in engine.info.ndims:
        for construction in engine.info.constructions:
            case = Case("noise", (8,) * ndim, construction)
            engine.compute(case.batch(), case.topology, dims_of(engine, case))


def _attempt(
    work: Callable[[Backend, Case, NDArray[np.float32]], Sample | int],
    engine: Backend,
    case: Case,
    batch: NDArray[np.float32],
) -> Sample | int | str:
    """Return what `work` returns, or what went wrong with it."""
    try:
        return work(engine, case, batch)
    except Exception as error:  # any failure of an engine is a row of the table
        return f"{type(error).__name__}: {error}"


def applicable(names: Sequence[str], case: Case) -> list[str]:
    """Return the backends that compute such images, in some dimension."""
    chosen = []
    for name in names:
        engine = BACKENDS.load(name)()
        dims = dims_of(engine, case)
        if dims and engine.supports(case.ndim, case.topology, dims) is None:
            chosen.append(name)
    return chosen
