"""The seed paper's task, shared by all datasets of digits: restore a digit from a damaged image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.corruption import zero_kspace_lines
from topoeval.datasets.dataset_info import Split
from topoeval.datasets.randomness import stream
from topoeval.datasets.sample import Sample
from topoeval.topology import Topology

TASK = "restore the grey digit from an image with missing k-space lines"

DIGIT_LABELS = tuple("0123456789")

DIGIT_METRICS = ("mse", "digit_correct")
"""What a restored digit is scored by beside the default metrics."""

DIGIT_AUXILIARY: dict[str, Split] = {"judge": "judge"}
"""The classifier that reads restored digits learns from clean ones."""

DIGIT_PRIORS: tuple[tuple[int, int], ...] = (
    (1, 1),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 1),
    (1, 0),
    (1, 2),
    (1, 1),
)
"""Betti numbers (b0, b1) that the digits 0 to 9 have by what they are."""


def measured_betti(target: NDArray[np.float32]) -> dict[str, tuple[int, ...]]:
    """Return the Betti numbers of the mask ``target >= 0.5`` under both constructions.

    Parameters
    ----------
    target
        One ``(H, W)`` image in [0, 1].

    Examples
    --------
    >>> measured_betti(np.eye(2, dtype=np.float32))
    {'V': (2, 0), 'T': (1, 0)}
    """
    from topoeval.metrics.betti import betti_numbers  # heavy, and not needed for a card

    mask = target >= 0.5
    return {
        name: tuple(betti_numbers(mask, topology).tolist())
        for name, topology in (("V", Topology("V")), ("T", Topology("T")))
    }


def digit_sample(
    dataset: str,
    split: Split,
    case: str,
    clean: NDArray[np.float32],
    label: int,
    *,
    lines: int,
    noise: float,
    betti: dict[str, tuple[int, ...]] | None = None,
) -> Sample:
    """Return the sample of one digit.

    Damage and noise are drawn from the names of dataset and case alone, so a case looks the same in
    every run. In the ``judge`` split the image is the clean digit: the judge learns to read, not to
    restore.

    Parameters
    ----------
    dataset, split, case
        Where the digit comes from.
    clean
        ``(H, W)`` float32 in [0, 1].
    label
        The digit.
    lines
        Rows and columns of k-space to lose.
    noise
        Standard deviation of the Gaussian noise added afterwards; values are clipped to [0, 1].
    betti
        Measured Betti numbers, if they are known already.
    """
    image = clean
    if split != "judge":
        image = zero_kspace_lines(clean, lines, stream(dataset, case, "k-space"))
        if noise > 0:
            grain = stream(dataset, case, "noise").normal(0.0, noise, image.shape)
            image = np.clip(image + grain, 0.0, 1.0).astype(np.float32)
    return Sample(
        case=case,
        image=image[None],
        target=clean[None],
        prior=DIGIT_PRIORS[label],
        label=label,
        betti=measured_betti(clean) if betti is None else betti,
    )
