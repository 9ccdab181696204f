"""Whose fault it is that a run failed: one table from error, exit code, signal and limit.

What the machine is to blame for is run again by ``topoeval retry --machine`` and by the same
command: a full disk says nothing about a method.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from topoeval.archives import DamagedFileError
from topoeval.errors import DivergedError, UnavailableError
from topoeval.harness.runs.supervisor import Ending
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Fault, Status

MACHINE_ERRORS = frozenset(
    {
        errno.ENOSPC,  # no space
        errno.EDQUOT,  # no quota
        errno.EIO,
        errno.EROFS,  # read-only
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,  # too many open files, of this process
        errno.ENFILE,  # and of all
        errno.EAGAIN,  # no more processes
        errno.ENOMEM,
        errno.ENODEV,
        errno.ENXIO,
        errno.ESTALE,  # of NFS
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EREMOTEIO if hasattr(errno, "EREMOTEIO") else errno.EIO,
    }
)
"""Errors of the operating system that say nothing about who met them."""

UNRECORDED = 75
"""Exit code of a worker that could not read its order or write its record (``EX_TEMPFAIL``)."""

_TRACEBACK_LINES = 12
# the kernel, an administrator or a queue sends these, and no method
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGBUS}


def failure(status: Status, fault: Fault, error: str) -> dict[str, Any]:
    """Return the outcome of a run that did not succeed."""
    return {"status": status, "fault": fault, "error": error}


def failure_of(error: Exception) -> dict[str, Any]:
    """Return the outcome of a run that raised `error`, with the end of its traceback."""
    return failure(*judged(error), _tail(error))


def judged(error: BaseException) -> tuple[Status, Fault]:
    """Return the status of a run that raised `error`, and whose fault that is.

    An error that was raised because of another one is the machine's if that one is.

    Examples
    --------
    >>> judged(OSError(errno.ENOSPC, "No space left on device"))
    ('failed', 'machine')
    >>> judged(FileNotFoundError(errno.ENOENT, "No such file"))
    ('failed', 'method')
    """
    for cause in _causes(error):
        if isinstance(cause, DivergedError):
            return "diverged", "method"
        if isinstance(cause, MemoryError) or _is_torch_out_of_memory(cause):
            return "out_of_memory", "machine"
        if isinstance(cause, UnavailableError):
            return "unavailable", "machine"
        if isinstance(cause, DamagedFileError) or is_of_machine(cause):
            return "failed", "machine"
    return "failed", "method"


def is_of_machine(error: BaseException) -> bool:
    """Whether the operating system refused something that is no mistake of who asked."""
    return isinstance(error, OSError) and error.errno in MACHINE_ERRORS


def outcome_without_record(
    ending: Ending | None, limits: Limits, lines: list[str]
) -> dict[str, Any]:
    """Return the outcome of a process that left no record.

    Parameters
    ----------
    ending
        How it ended; None where its supervisor did not say.
    limits
        Those of the run.
    lines
        The end of what it printed.
    """

    def outcome(status: Status, fault: Fault, reason: str) -> dict[str, Any]:
        return failure(status, fault, "\n".join([reason, *lines]))

    if ending is None:
        return outcome("crashed", "machine", "its supervisor ended without a result")
    if ending.cause == "busy":
        return outcome("crashed", "machine", "another process executes this run")
    if ending.cause == "timeout":
        return outcome("timeout", "method", f"ended after {limits.timeout_s:g} s")
    if ending.cause == "memory":
        whose: Fault = "machine" if limits.memory_gib is None else "method"
        gib = ending.memory_bytes / 2**30
        return outcome("out_of_memory", whose, f"ended beyond {gib:.3g} GiB")
    if ending.cause == "found":
        return outcome("crashed", "machine", "its record was there and is gone")
    if ending.code == UNRECORDED:
        return outcome("crashed", "machine", "its order could not be read or its record written")
    if ending.code < 0:
        number = -ending.code
        if number == signal.SIGKILL and ending.oom_kill:
            return outcome(
                "out_of_memory", "machine", "killed by the kernel because memory ran out"
            )
        known = number in set(signal.Signals)
        name = signal.Signals(number).name if known else f"signal {number}"
        fault: Fault = "machine" if number in _FROM_OUTSIDE else "method"
        return outcome("crashed", fault, f"ended by {name}")
    return outcome("crashed", "method", f"exit code {ending.code} without a record")


def words(error: OSError) -> str:
    """Return what the operating system refused, and at which file."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that led to it, each once."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _is_torch_out_of_memory(error: BaseException) -> bool:
    torch = sys.modules.get("torch")  # what has not been imported has raised nothing
    if torch is None:
        return False
    # CPU allocations fail as a RuntimeError that only its text tells apart
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _tail(error: Exception) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines[-_TRACEBACK_LINES:])
