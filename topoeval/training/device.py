"""Where a training runs."""

from __future__ import annotations

import torch

from topoeval.errors import UserError


def resolve_device(name: str) -> torch.device:
    """Return the device called `name`; ``"auto"`` is CUDA where there is one.

    Raises
    ------
    UserError
        Another name, or CUDA where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda' asked for, and torch finds no GPU here; use 'cpu' or 'auto'")
    return torch.device(name)
