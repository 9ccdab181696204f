"""Handwritten digits that scikit-learn brings along, enlarged: small, real, and imperfect."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.digit_task import DIGIT_AUXILIARY, DIGIT_LABELS, DIGIT_METRICS, TASK
from topoeval.datasets.randomness import stream
from topoeval.datasets.stored_digits import SIDE, StoredDigits
from topoeval.topology import Topology

TOTAL = 1797
_TEST, _JUDGE = 400, 697
_SHARES: dict[Split, int] = {"val": 150, "train": 250, "unlabelled": 300}


class Digits(StoredDigits):
    """The 1797 digits of `sklearn.datasets.load_digits`, enlarged from 8 x 8 to 28 x 28.

    Loops of a few voxels may close when cubic splines enlarge them. The topology of each mask is
    therefore measured and stored beside the prior of its class.

    Parameters
    ----------
    split, size, seed
        See `topoeval.datasets.load`.
    lines
        Rows and columns of k-space that are lost.
    noise
        Standard deviation of Gaussian noise on the damaged image.

    Raises
    ------
    UserError
        If a parameter is out of range.

    Examples
    --------
    >>> sample = Digits("test", 5)[0]
    >>> sample.target.shape, sample.prior
    ((1, 28, 28), (1, 0))
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="digits",
        title="Optical digits (UCI)",
        task=TASK,
        ndim=2,
        channels=1,
        labels=DIGIT_LABELS,
        metrics=DIGIT_METRICS,
        auxiliary=DIGIT_AUXILIARY,
        sizes={"train": 100, "unlabelled": 200, "val": 100, "test": 200, "judge": _JUDGE},
        revision="1",
        licence="ships with scikit-learn (BSD-3-Clause); terms of the UCI original not checked",
        citation="E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI, 1998",
        home="sklearn.datasets.load_digits",
        topology=Topology("T", "superlevel", "plain"),
        prior="0, 6, 9: one component with one hole; 8: two holes; others none. "
        "Only six of seven true masks have them: enlarged loops close.",
    )

    case_width = 4

    def __init__(
        self, split: str, size: int, *, seed: int = 0, lines: int = 8, noise: float = 0.0
    ) -> None:
        order = stream("digits", "order").permutation(TOTAL)
        super().__init__(
            split,
            size,
            seed=seed,
            lines=lines,
            noise=noise,
            fixed={"test": order[:_TEST], "judge": order[_TEST : _TEST + _JUDGE]},
            pool=order[_TEST + _JUDGE :],
            shares=_SHARES,
        )

    def clean(self, index: int) -> tuple[NDArray[np.float32], int]:
        """Return the enlarged digit in [0, 1] and its label."""
        small, labels = _digits()
        place = self.indices[index]
        # grid_mode keeps voxels areas, not points: the digit stays centred and in proportion.
        zoom = SIDE / small.shape[1]
        large = ndimage.zoom(small[place], zoom, order=3, mode="grid-constant", grid_mode=True)
        return np.clip(large, 0.0, 1.0).astype(np.float32), int(labels[place])


@cache
def _digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all digits ``(N, 8, 8)`` in [0, 1] and their labels."""
    from sklearn.datasets import load_digits  # takes a second

    bunch = load_digits()
    return bunch.images / 16, bunch.target
