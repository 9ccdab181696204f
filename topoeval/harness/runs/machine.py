"""The machine that runs are measured on: its lock, its load, its processor and software.

Sweeps share the machine; a timing lane uses it alone. Both hold one lock file of the machine, so
neither disturbs the other unawares.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

import topoeval
from topoeval.errors import UserError
from topoeval.harness.runs.environment import describe
from topoeval.harness.runs.lock_file import open_lock

_LOCK = "topoeval-machine.lock"
# a second of an idle machine shows less than this
_QUIET_CORES = 0.3
# the code that runs between the start and the end of a step
_TIMED_CODE = (
    "_native*",
    "datasets/**/*.py",
    "digital/**/*.py",
    "losses/**/*.py",
    "persistence/**/*.py",
    "timing.py",
    "topology.py",
    "training/**/*.py",
)


@contextmanager
def shared() -> Iterator[None]:
    """Hold the machine for a sweep, beside others.

    Raises
    ------
    UserError
        A timing lane has it.
    """
    with _held(
        fcntl.LOCK_SH, "'topoeval time' is measuring on this machine; wait until it is done"
    ):
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine for measuring.

    Raises
    ------
    UserError
        A sweep or another timing lane has it.
    """
    with _held(
        fcntl.LOCK_EX,
        "another 'topoeval run' or 'topoeval time' is at work on this machine, so nothing can be "
        "timed; wait until it is done",
    ):
        yield


@contextmanager
def _held(kind: int, refusal: str) -> Iterator[None]:
    # to read is enough for a lock, and all that there is of a file of another user
    place = Path(tempfile.gettempdir()) / _LOCK
    file = open_lock(place, "by which sweeps and timings know of one another", os.O_RDONLY)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise UserError(refusal) from None
    try:
        yield
    finally:
        os.close(file)


def busy_cores(seconds: float = 1.0) -> float:
    """Return how many cores worked on average, watched for some seconds in which we do nothing."""
    return float(psutil.cpu_percent(seconds)) / 100 * float(psutil.cpu_count(logical=True))


def check_quiet() -> float:
    """Return how many cores are busy, if that is next to nothing.

    Raises
    ------
    UserError
        Other processes keep the cores busy.
    """
    busy = busy_cores()
    if busy > _QUIET_CORES:
        raise UserError(
            f"{busy:.1f} of {psutil.cpu_count(logical=True)} cores are busy with other work, which "
            "would be timed, too; wait, or measure all the same with --busy, which is recorded"
        )
    return busy


def cores_to_pin(threads: int) -> tuple[int, ...]:
    """Return the cores for a process of so many threads; none where nothing can be pinned.

    The last ones that we may use: the first serves most interrupts.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise UserError(f"{threads} threads on {len(allowed)} cores would take turns, not time")
    return tuple(allowed[-threads:])


def pin(cores: Sequence[int]) -> None:
    """Keep this process, and what it starts, on some cores."""
    if cores:
        os.sched_setaffinity(0, cores)


def fingerprint(device: str, threads: int, backend: str) -> dict[str, dict[str, Any]]:
    """Return what must be equal for two times to stand in one column: machine and software.

    ``machine`` is the processor, its cores, the memory and the GPU; ``software`` the versions and
    ``code``, a hash of those files of this package that run in a step.
    """
    told = describe(device, threads, backend)
    machine = {key: told[key] for key in ("cpu", "cores", "memory_bytes", "gpu")}
    software = {key: told[key] for key in ("python", "platform", "versions")}
    software["topoeval"] = told["topoeval"]["version"]
    software["code"] = _code()
    return {"machine": machine, "software": software}


@lru_cache(maxsize=1)
def _code() -> str:
    package = Path(topoeval.__file__).parent
    content = hashlib.sha256()
    for pattern in _TIMED_CODE:
        for path in sorted(package.glob(pattern)):
            content.update(path.relative_to(package).as_posix().encode())
            content.update(path.read_bytes())
    return content.hexdigest()[:12]
