"""Files of tensors that are either whole or not there, and known where they are damaged."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch

from topoeval.archives import DamagedFileError, read_archive, set_aside, write_archive


class DamagedStateWarning(UserWarning):
    """The state of an interrupted training cannot be used; the training begins anew."""


def save(state: Any, path: Path) -> None:
    """Write `state` so that a reader finds the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    torch.save(state, content)
    write_archive(path, content.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what `save` wrote; tensors and plain containers only, nothing that executes.

    Raises
    ------
    DamagedFileError
        It is not there, or not what was written.
    """
    # networks of older versions have no checksum
    return _loaded(path, device, sealed=False)


def resume(path: Path | None, device: torch.device | str = "cpu") -> Any | None:
    """Read the state of an interrupted training.

    Returns
    -------
    object or None
        None where there is none. One that is damaged is set aside with a warning and counts as
        absent.
    """
    if path is None or not path.exists():
        return None
    try:
        return _loaded(path, device, sealed=True)
    except DamagedFileError as error:
        aside = set_aside(path)
        warnings.warn(
            f"{error}; kept as {aside.name}, the training begins anew",
            DamagedStateWarning,
            stacklevel=2,
        )
        return None


def _loaded(path: Path, device: torch.device | str, *, sealed: bool) -> Any:
    try:
        content = read_archive(path, sealed=sealed)
    except FileNotFoundError:
        raise DamagedFileError(path, "it is not there") from None
    try:
        return torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch raises whatever it happens on in bytes without a checksum
        raise DamagedFileError(path, " ".join(str(error).split())) from error
