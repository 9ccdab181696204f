"""Files of tensors that are either whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from topoeval.whole_file import whole_file


def save(state: Any, path: Path) -> None:
    """Write `state` so that a reader finds the old file or the new one, never half of one."""
    with whole_file(path) as partial:
        torch.save(state, partial)


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what `save` wrote; tensors and plain containers only, nothing that executes."""
    return torch.load(path, map_location=device, weights_only=True)
