"""Files of tensors that are either whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save(state: Any, path: Path) -> None:
    """Write `state` so that a reader finds the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        torch.save(state, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what `save` wrote; tensors and plain containers only, nothing that executes."""
    return torch.load(path, map_location=device, weights_only=True)
