"""What `topoeval doctor` looks at.

Everything is tried, not only looked up: a library that is installed and cannot be imported, or
returns wrong bars, is broken. Nothing here lets one broken part hide the others.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from packaging.requirements import Requirement

from topoeval.errors import install_line

CORE, TRAINING = "Core", "Training"

INSTALLED, MISSING, BROKEN = "installed", "missing", "broken"
NEEDS_DATA, UNKNOWN = "needs data", "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one thing, and its version, its fault or the line that installs it."""

    name: str
    state: str
    detail: str


def examine() -> Iterator[tuple[str, list[Finding]]]:
    """Yield the parts of the installation with their findings."""
    yield CORE, [*_python(), *_guarded("engine", _engine), *_required()]
    yield TRAINING, list(_guarded("torch", _torch))
    yield "Devices", list(_guarded("other devices", _devices))
    yield "Backends", list(_guarded("backends", _backends))
    yield "Losses", list(_guarded("losses", lambda: _plugins("losses", "LOSSES")))
    yield "Datasets", list(_guarded("datasets", _datasets))
    yield "nnU-Net", list(_guarded("torchvision", _nnunet))
    yield "Optional libraries", list(_optional())


def _guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield findings; a part whose examination raises is broken, or lacks a library."""
    try:
        yield from look()
    except ModuleNotFoundError as error:
        line = install_line(error.name)
        yield Finding(name, MISSING if line else BROKEN, line or _reason(error))
    except Exception as error:  # whatever it raises is a line of the report
        yield Finding(name, BROKEN, _reason(error))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _python() -> Iterator[Finding]:
    import topoeval

    yield Finding("python", INSTALLED, f"{platform.python_version()}, {platform.platform()}")
    yield Finding("topoeval", INSTALLED, topoeval.__version__)


def _torch() -> Iterator[Finding]:
    import torch

    torch.zeros(1).add_(1)
    yield Finding("torch", INSTALLED, f"{torch.__version__}, {torch.get_num_threads()} threads")


def _engine() -> Iterator[Finding]:
    _try_backend("native")
    yield Finding("engine", INSTALLED, "compiled; gives the right bars")


def _required() -> Iterator[Finding]:
    """Yield the dependencies that are missing or too old; one line if there is none."""
    try:
        needed = [Requirement(line) for line in requires("topoeval") or ()]
    except PackageNotFoundError:
        yield Finding("dependencies", UNKNOWN, "topoeval is a source tree here, not installed")
        return
    needed = [need for need in needed if need.marker is None or need.marker.evaluate()]
    faults = [finding for need in needed if (finding := _library(need)).state != INSTALLED]
    yield from faults
    if not faults:
        yield Finding("dependencies", INSTALLED, f"all {len(needed)}")


def _devices() -> Iterator[Finding]:
    from topoeval.harness.runs.environment import describe

    machine = describe("cpu", 1, "topoeval")
    yield Finding("cpu", INSTALLED, f"{machine['cpu']}, {machine['cores']} cores")
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        yield Finding("cuda", MISSING, "this torch was built without it; pytorch.org has others")
    elif not torch.cuda.is_available():
        yield Finding("cuda", MISSING, "torch finds no GPU or no driver")
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        yield Finding(f"cuda:{number}", INSTALLED, f"{properties.name}, {memory}")
    if torch.backends.mps.is_available():
        yield Finding("mps", INSTALLED, "Apple GPU")


def _backends() -> Iterator[Finding]:
    from topoeval.persistence import BACKENDS

    for name in BACKENDS:
        status = BACKENDS.status(name)
        if status.state != "available":
            yield Finding(name, str(status.state), status.reason)
            continue
        try:
            _try_backend(name)
        except Exception as error:  # whatever a third party's library does is its state
            yield Finding(name, BROKEN, _reason(error))
        else:
            info = BACKENDS.load(name).info
            only = "" if info.gives_locations else "; values only, for benchmarks and metrics"
            yield Finding(name, INSTALLED, f"{info.package} {info.version or ''}{only}".strip())


def _try_backend(name: str) -> None:
    """Raise if a backend cannot compute a ring, or gives it other bars than it has."""
    import numpy as np

    from topoeval.persistence import BACKENDS, compute
    from topoeval.topology import Topology

    info = BACKENDS.load(name).info
    if 2 not in info.ndims:
        return
    ring = np.zeros((1, 5, 5), np.float32)
    ring[0, 1:4, 1:4], ring[0, 2, 2] = 1.0, 0.25
    dims = [dim for dim in info.dims if dim < 2]
    right = [(0.0, 0.0, 1.0, -np.inf), (0.0, 1.0, 1.0, 0.25)]
    expected = [bar for bar in right if bar[1] in dims]
    found = compute(ring, Topology(info.constructions[0]), dims, backend=name).multiset()  # type: ignore[arg-type]
    if found != expected:
        raise ValueError(f"a ring has the bars {expected}, it gives {found}")


def _datasets() -> Iterator[Finding]:
    from topoeval.datasets import DATASETS

    for finding in _plugins("datasets", "DATASETS"):
        if finding.state == INSTALLED and DATASETS.load(finding.name).info.needs_data:
            yield Finding(finding.name, NEEDS_DATA, finding.detail)
        else:
            yield finding


def _plugins(module: str, registry: str) -> Iterator[Finding]:
    plugins: Any = getattr(importlib.import_module(f"topoeval.{module}"), registry)
    for name in plugins:
        status = plugins.status(name)
        if status.state == "available":
            yield Finding(name, INSTALLED, plugins.load(name).info.title)
        else:
            yield Finding(name, str(status.state), status.reason)


def _nnunet() -> Iterator[Finding]:
    """Yield whether nnU-Net can find trainers from outside."""
    from topoeval.nnunet import torchvision_fault

    try:
        yield Finding("nnunetv2", INSTALLED, version("nnunetv2"))
    except PackageNotFoundError:
        yield Finding("nnunetv2", MISSING, 'pip install "topoeval[nnunet]"')
        return
    if fault := torchvision_fault():
        yield Finding("torchvision", BROKEN, fault)
    else:
        yield Finding("torchvision", INSTALLED, f"{version('torchvision')}; fits torch")


def _optional() -> Iterator[Finding]:
    """Yield the libraries of every extra that is no backend's."""
    from topoeval.persistence import BACKENDS

    try:
        needed = [Requirement(line) for line in requires("topoeval") or ()]
    except PackageNotFoundError:
        return
    for need in needed:
        extra = _extra(need)
        if extra and extra not in BACKENDS and need.name != "topoeval":
            finding = _library(need)
            if finding.state == MISSING:
                finding = Finding(need.name, MISSING, f'pip install "topoeval[{extra}]"')
            yield finding


def _extra(need: Requirement) -> str | None:
    """Return the extra that a requirement belongs to, None for a plain dependency."""
    if need.marker is None or need.marker.evaluate({"extra": ""}):
        return None
    return str(need.marker).partition("extra ==")[2].strip(' "') or None


def _library(need: Requirement) -> Finding:
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return Finding(need.name, MISSING, f'pip install "{need.name}{need.specifier}"')
    if not need.specifier.contains(found, prereleases=True):
        return Finding(need.name, BROKEN, f"{found}, needed is {need.specifier}")
    return Finding(need.name, INSTALLED, found)
