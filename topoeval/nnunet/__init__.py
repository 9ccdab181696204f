"""Trainers for nnU-Net v2 that add a topological loss to its own, loaded from outside.

``export nnUNet_extTrainer=$(python -m topoeval.nnunet)`` lets nnU-Net (2.8 or later) find them by
name (``-tr nnUNetTrainerTopoevalClDice``); nothing of nnU-Net is changed. Importing this package
imports neither torch nor nnU-Net.
"""

from __future__ import annotations

import importlib
from pathlib import Path

TRAINERS = (
    "nnUNetTrainerTopoevalBettiMatching",
    "nnUNetTrainerTopoevalBettiPrior",
    "nnUNetTrainerTopoevalCbDice",
    "nnUNetTrainerTopoevalClDice",
    "nnUNetTrainerTopoevalSCNP",
    "nnUNetTrainerTopoevalSkeletonRecall",
    "nnUNetTrainerTopoevalSparseBettiMatching",
    "nnUNetTrainerTopoevalTopograph",
    "nnUNetTrainerTopoevalWarping",
)
"""The trainers by the name that ``-tr`` takes."""

FOLDER = Path(__file__).parent / "external"
"""What ``nnUNet_extTrainer`` has to name. nnU-Net imports every file in it, so it has one."""


def torchvision_fault() -> str | None:
    """Return why nnU-Net would find no trainer from outside, and the remedy; None if it would.

    nnU-Net imports torchvision before it looks outside. It is imported here for that, and torch.
    """
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # of many kinds: an import, an operator, a shared library
        reason = " ".join(str(error).split())
        return (
            f"{type(error).__name__}: {reason}; nnU-Net imports torchvision before it finds a "
            "trainer from outside; take torch and torchvision from one index, as pytorch.org says"
        )
    return None


__all__ = ["FOLDER", "TRAINERS", "torchvision_fault"]
