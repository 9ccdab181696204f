"""How many cores and how much memory this process may use: affinity and control groups count.

A container, a batch system or ``taskset`` gives a process less than the machine has. What
`os.cpu_count` and the size of the memory say is only the upper bound.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from topoeval.errors import UserError

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_STATUS = Path("/proc/self/status")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# What a process that has loaded the scores needs to do anything at all.
_LEAST = 100 * 2**20


def usable_cores() -> int:
    """Return how many cores this process may keep busy, at least 1.

    The affinity of the process, and the quota of its control groups (version 1 or 2) rounded down.

    Examples
    --------
    >>> 1 <= usable_cores() <= (os.cpu_count() or 1)
    True
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = allowed or 1
    for folder in _groups("cpu"):
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if not quota:
            quota, _, period = _text(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            cores = min(cores, int(quota) // int(period))
    return max(1, cores)


def usable_memory() -> int:
    """Return how many bytes of memory this machine, or the control groups of this process, allow.

    Examples
    --------
    >>> usable_memory() > 2**20
    True
    """
    import psutil

    memory = int(psutil.virtual_memory().total)
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # version 2 and 1
            text = _text(folder / name)
            if text.isdigit():
                memory = min(memory, int(text))
    return memory


def parse_memory(text: str) -> int:
    """Read an amount of memory in bytes: ``1.5G``, ``800M``.

    Raises
    ------
    UserError
        If it is none.

    Examples
    --------
    >>> parse_memory("1.5G") / 2**30
    1.5
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise UserError(f"an amount of memory is a number like 1.5G or 800M, got {text!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def limit_memory(most: int) -> None:
    """Let this process have no more memory than this, from now on.

    What would take more raises `MemoryError`, or ends the process where a library does not say so.

    Parameters
    ----------
    most
        Bytes of resident memory, what is in use already included.

    Raises
    ------
    UserError
        Not on Linux, or if so much is in use already.
    """
    if sys.platform != "linux":
        raise UserError("a limit of memory can be set on Linux only")
    import resource

    used = {
        key: int(value.split()[0]) * 1024
        for key, _, value in (line.partition(":") for line in _text(_STATUS).splitlines())
        if key in ("VmRSS", "VmData")
    }
    if most < used["VmRSS"] + _LEAST:
        need = (used["VmRSS"] + _LEAST) / 2**20
        raise UserError(
            f"a limit of {most / 2**20:.0f} MB of memory is too low; a process needs {need:.0f} MB "
            "before it reads an image"
        )
    # The kernel limits what is mapped, of which some is never touched.
    data = used["VmData"] + most - used["VmRSS"]
    resource.setrlimit(resource.RLIMIT_DATA, (data, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of our control groups and of all above them: each of them limits us."""
    for line in _text(_OWN_GROUPS).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # version 2 has one tree, version 1 one for each controller
        root = _GROUPS / controllers if controllers else _GROUPS
        folder = root / group.strip("/")
        while True:
            # in a container the path of the host may not exist, and the root is our own group
            yield folder
            if folder == root:
                break
            folder = folder.parent
        if controllers:
            yield _GROUPS / controller


def _text(path: Path) -> str:
    """Return the text of a small file, the empty one if it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
