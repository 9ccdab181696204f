"""Betti numbers of exclusive classes, as losses with priors of labels take them."""

from __future__ import annotations

import torch

from topoeval.datasets.classes import TargetClasses
from topoeval.losses import Loss


class LabelPriors:
    """A loss with priors of labels, given the priors of exclusive classes.

    Label 0 is the background, the first class is 1; what the dataset knows of unions of classes
    holds for every sample.

    Parameters
    ----------
    loss
        Takes a dictionary of labels to Betti numbers, as `BettiPriorMulticlassLoss`.
    classes
        Of the dataset.
    """

    def __init__(self, loss: Loss, classes: TargetClasses) -> None:
        self.loss = loss
        self.info = loss.info
        self.unions = classes.unions_by_label

    def __call__(self, input: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
        """Return the loss of ``(B, C + 1, *spatial)`` logits with priors ``(B, C, d)``."""
        labels = {(label + 1,): prior[:, label] for label in range(prior.shape[1])}
        return self.loss(input, prior={**self.unions, **labels})
