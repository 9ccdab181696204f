"""What nnU-Net finds in the folder that ``nnUNet_extTrainer`` names.

It imports this file under its bare name and forgets it again, so the classes live elsewhere.
"""

from topoeval.nnunet.trainers import (
    nnUNetTrainerTopoevalBettiMatching,
    nnUNetTrainerTopoevalBettiPrior,
    nnUNetTrainerTopoevalCbDice,
    nnUNetTrainerTopoevalClDice,
    nnUNetTrainerTopoevalSCNP,
    nnUNetTrainerTopoevalSkeletonRecall,
    nnUNetTrainerTopoevalSparseBettiMatching,
    nnUNetTrainerTopoevalTopograph,
    nnUNetTrainerTopoevalWarping,
)

__all__ = [
    "nnUNetTrainerTopoevalBettiMatching",
    "nnUNetTrainerTopoevalBettiPrior",
    "nnUNetTrainerTopoevalCbDice",
    "nnUNetTrainerTopoevalClDice",
    "nnUNetTrainerTopoevalSCNP",
    "nnUNetTrainerTopoevalSkeletonRecall",
    "nnUNetTrainerTopoevalSparseBettiMatching",
    "nnUNetTrainerTopoevalTopograph",
    "nnUNetTrainerTopoevalWarping",
]
