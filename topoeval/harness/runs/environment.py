"""The hardware and software of a run, as a record describes them; they are not in its identity."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import topoeval
from topoeval.records.migration import split_commit

_LIBRARIES = ("torch", "numpy", "scipy", "monai", "scikit-image", "connected-components-3d")


def describe(device: str, threads: int, backend: str) -> dict[str, Any]:
    """Return hardware, versions and the source commit, as plain JSON values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(logical=True),
        "threads": threads,
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": _gpu_name() if device == "cuda" else None,
        "versions": {name: _version(name) for name in (*_LIBRARIES, backend)},
        "topoeval": {"version": topoeval.__version__, **split_commit(_commit())},
    }


@lru_cache(maxsize=2)
def machine_kind(device: str) -> tuple[str, int, str | None]:
    """Return the processor, its cores and, for "cuda", the GPU: what decides how long work takes.

    They are what `describe` calls ``cpu``, ``cores`` and ``gpu``.
    """
    import torch

    gpu = _gpu_name() if device == "cuda" and torch.cuda.is_available() else None
    return _cpu_name(), psutil.cpu_count(logical=True), gpu


def peak_memory_bytes(device: str) -> dict[str, int]:
    """Return the largest resident set of this process, and of the GPU where one is used."""
    peak = {"peak_rss_bytes": _peak_rss()}
    if device == "cuda":
        import torch

        peak["peak_cuda_bytes"] = torch.cuda.max_memory_allocated()
    return peak


def _peak_rss() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # not ru_maxrss, which on Linux begins with what the process had that started this one
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a backend of a third party need not be called as its library
        return None


@lru_cache(maxsize=1)
def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name()


def _commit() -> str | None:
    """Return the commit of the sources, if they lie in a checkout of this project."""
    if named := os.environ.get("TOPOEVAL_COMMIT"):
        return named
    root = Path(topoeval.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    git = ["git", "-C", str(root)]
    head = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    if head.returncode != 0:
        return None
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "topoeval"], capture_output=True, text=True
    )
    return head.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")
