"""What every dataset hands out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo

Betti = tuple[int, ...] | tuple[tuple[int, ...], ...]
"""Betti numbers of one structure, or of each of several."""

LABEL_NOISES = ("none", "gaps", "specks", "dilation")
"""``gaps``: pieces of the structure are missing. ``specks``: small false pieces in the background.
``dilation``: drawn one voxel too wide, so that near parts run together."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image with everything that is known about it.

    Parameters
    ----------
    case
        A name that is unique in the dataset and stable between runs.
    image
        Input of the network, ``(C, *spatial)`` float32 in [0, 1].
    target
        What the network should predict, one channel a class, ``(C, *spatial)`` float32 in [0, 1];
        the mask is ``target >= 0.5``.
    prior
        Betti numbers the structure has by what it *is*: (b0, b1[, b2]), or one such tuple for each
        of several classes; None where unknown.
    label
        Class of the depicted thing (a digit); None where there is none.
    betti
        Measured Betti numbers of the mask under the border reading of the dataset's card, by
        construction: ``{"V": (1, 0), "T": (1, 0)}``; of the form of ``prior``.
    spacing
        Voxel size per spatial axis in mm; None where it has no meaning.
    clean
        The true target where ``target`` is a noisy label; None where they are one.
    ignored
        ``(1, *spatial)`` bool: voxels that count in no loss and in no score; ``target`` is 0 there.
        None where every voxel counts.
    """

    case: str
    image: NDArray[np.float32]
    target: NDArray[np.float32]
    prior: Betti | None = None
    label: int | None = None
    betti: Mapping[str, Betti] = field(default_factory=dict)
    spacing: tuple[float, ...] | None = None
    clean: NDArray[np.float32] | None = None
    ignored: NDArray[np.bool_] | None = None


class Dataset(Protocol):
    """A named source of samples, split in a fixed way.

    Splits: ``train`` (labelled), ``unlabelled`` (their targets are never shown to a method),
    ``val``, ``test``, and ``judge`` (clean images that train the classifier which judges
    restored digits; disjoint from all others); ``shifted`` (a test whose images differ from the
    training images in one respect) and ``relaxed`` (a test whose masks break the prior).
    Constructed as ``(split, size, *, seed=0,
    **params)``; ``train``, ``unlabelled`` and ``val`` depend on the seed, the others do not.
    """

    info: ClassVar[DatasetInfo]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def __iter__(self) -> Iterator[Sample]: ...


def stack(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return images and targets of equal shape as two ``(B, C, *spatial)`` arrays."""
    return np.stack([s.image for s in samples]), np.stack([s.target for s in samples])
