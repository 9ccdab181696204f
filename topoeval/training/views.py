"""Test-time views: which variants of an image are answered, and the mean of their answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from topoeval.training.classes import at_most_one
from topoeval.training.flips import mean_of_mirrored, mirrored
from topoeval.training.shifts import mean_of_shifted, shifted


@dataclass(frozen=True, slots=True)
class Views:
    """Views of an image whose mean answer counts; with neither, the image alone.

    Parameters
    ----------
    flips
        Mirrored along every choice of axes, see `topoeval.training.flips`.
    shifts
        Shifted by a voxel, see `topoeval.training.shifts`. With `flips` every mirrored image is.
    """

    flips: bool = False
    shifts: bool = False

    def __bool__(self) -> bool:
        """Tell whether there are other views than the image."""
        return self.flips or self.shifts

    def count(self, ndim: int) -> int:
        """Return how many views a d-dimensional image has.

        >>> [Views(shifts=True).count(2), Views(flips=True, shifts=True).count(3)]
        [5, 56]
        """
        return (2**ndim if self.flips else 1) * (2 * ndim + 1 if self.shifts else 1)

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """Return all views of ``(N, C, *spatial)`` images, ``(count N, C, *spatial)``."""
        if self.flips:
            images = mirrored(images)
        return shifted(images) if self.shifts else images

    def mean(self, answers: torch.Tensor, *, exclusive: bool = False) -> torch.Tensor:
        """Return the mean answer of each image, ``(N, C, *spatial)``, in its own place.

        Parameters
        ----------
        answers
            ``(count N, C, *spatial)`` maps in [0, 1] of what `of` returned, in its order.
        exclusive
            Whether a voxel has at most one class, see `topoeval.training.classes.at_most_one`.

        Raises
        ------
        ValueError
            The number of answers is not that of all views of some images.
        """
        count = self.count(answers.ndim - 2)
        if len(answers) % count:
            raise ValueError(f"{len(answers)} answers are not those of {count} views of each image")
        if self.shifts:
            answers = mean_of_shifted(answers)
        if self.flips:
            # a voxel and its mirror image are covered by as many shifts: the mean is over all
            answers = mean_of_mirrored(answers)
        return at_most_one(answers) if exclusive and self else answers


ALONE = Views()
"""The image and no other view."""
