"""Trainers for nnU-Net v2 that add a topological loss to its own, loaded from outside.

``export nnUNet_extTrainer=$(python -m topoeval.nnunet)`` lets nnU-Net (2.8 or later) find them by
name (``-tr nnUNetTrainerTopoevalClDice``); nothing of nnU-Net is changed. Importing this package
imports neither torch nor nnU-Net.
"""

from __future__ import annotations

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

__all__ = ["FOLDER", "TRAINERS"]
