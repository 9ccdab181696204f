"""What the synthetic families share: draw until the topology is right, then paint the picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.cache import Cache, cache_folder
from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.label_noise import noisy_label
from topoeval.datasets.measured import as_betti, measured_betti
from topoeval.datasets.randomness import stream
from topoeval.datasets.sample import LABEL_NOISES, Betti, Sample
from topoeval.datasets.splits import FIXED_SPLITS
from topoeval.errors import UserError, nearest

ATTEMPTS = 200

Prior = NDArray[np.int64]

DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The truth of a sample, before there is an image of it.

    Parameters
    ----------
    mask
        ``(C, *spatial)`` bool, one channel a class.
    """

    mask: NDArray[np.bool_]


S = TypeVar("S", bound=Shape)


class Synthetic(ABC, Generic[S]):
    """A family of drawn samples, each a pure function of (seed, split, index, parameters).

    A shape is accepted if its Betti numbers are the designed ones under both constructions, so
    that connectivity cannot confound what is learnt from it. The split ``relaxed`` has the shapes
    that break the prior instead. The seed plays no part in ``test``, ``shifted`` and ``relaxed``.

    Parameters
    ----------
    split, size, seed
        See `topoeval.datasets.load`.
    difficulty
        Which of `presets` fills in the knobs that are not given.
    label_noise
        What is wrong with the labels of ``train``, ``unlabelled`` and ``val``; see
        `topoeval.datasets.label_noise`. The tests are always clean.
    **options
        The family's knobs, of which None means the preset's value, and its other parameters, which
        no preset holds. In the split ``shifted`` the values of `shift` take the place of whatever
        was chosen.

    Raises
    ------
    UserError
        If a parameter is out of range, or (when a sample is drawn) no shape is accepted.
    """

    info: ClassVar[DatasetInfo]
    presets: ClassVar[Mapping[str, Mapping[str, float]]]
    shift: ClassVar[Mapping[str, float]]
    ranges: ClassVar[Mapping[str, tuple[float, float]]]
    """The knobs: from where to where each may be."""
    sides: ClassVar[tuple[int, int]]
    options: ClassVar[Mapping[str, Any]]
    """Parameters that no preset holds, `side` among them, and their defaults."""
    choices: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The values that an option may have, where they can be listed."""

    def __init__(
        self,
        split: str,
        size: int,
        *,
        seed: int = 0,
        difficulty: str = "medium",
        label_noise: str = "none",
        **options: Any,
    ) -> None:
        self.split = self.info.checked_split(split)
        self.info.check_integer("size", size, 1, 1_000_000)
        self.info.check_integer("seed", seed, 0, 2**63 - 1)
        self.info.check_choice("difficulty", difficulty, DIFFICULTIES)
        self.info.check_choice("label_noise", label_noise, LABEL_NOISES)
        self.size = size
        self.seed = seed
        self.label_noise = label_noise
        self.knobs: dict[str, float] = dict(self.presets[difficulty])
        self.chosen: dict[str, Any] = dict(self.options)
        for name, value in options.items():
            if name in self.options:
                self.chosen[name] = value
            elif name not in self.ranges:
                known = (*self.options, *self.ranges)
                raise UserError(f"{self.info.name}: no parameter {name!r}{nearest(name, known)}")
            elif value is not None:
                self.info.check_number(name, value, *self.ranges[name])
                self.knobs[name] = float(value)
        for name, values in self.choices.items():
            self.info.check_choice(name, self.chosen[name], values)
        self.info.check_integer("side", self.chosen["side"], *self.sides)
        if self.split == "shifted":
            self.knobs.update(self.shift)

    @property
    def side(self) -> int:
        """Voxels along each side."""
        return int(self.chosen["side"])

    @abstractmethod
    def prior(self, rng: np.random.Generator) -> Sequence[Sequence[int]]:
        """Choose the Betti numbers that a case is designed to have, a row for each class."""

    @abstractmethod
    def shape(self, prior: Prior, rng: np.random.Generator) -> S | None:
        """Draw a shape once, whatever topology comes out; None where nothing can be drawn."""

    @abstractmethod
    def picture(self, shape: S, case: str) -> NDArray[np.float32]:
        """Return the image ``(C, *spatial)`` in [0, 1] of an accepted shape."""

    def stream(self, case: str, purpose: str) -> np.random.Generator:
        """Return the random numbers of one purpose of one case."""
        return stream(self.info.name, case, purpose)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(self.size))

    def __getitem__(self, index: int) -> Sample:
        case = self.case(range(self.size)[index])
        cache = self.cache()
        if cache is None:
            return self.draw(case)
        sample = cache.read(case)
        if sample is None:
            sample = self.draw(case)
            cache.write(sample)
        return sample

    def cache(self) -> Cache | None:
        """Return where its samples are kept, or None where nothing is to be kept."""
        root = cache_folder()
        if root is None:
            return None
        params = {**self.knobs, **self.chosen, "label_noise": self.label_noise}
        return Cache(root, self.info.name, self.info.revision, params)

    def case(self, index: int) -> str:
        """Return the name of a sample."""
        drawn = self.split if self.split in FIXED_SPLITS else f"{self.split}-{self.seed}"
        return f"{drawn}-{index:05d}"

    def draw(self, case: str) -> Sample:
        """Draw the sample of that name."""
        # Chosen once: if it were drawn anew with each shape, what is easily accepted would prevail.
        prior = np.array(self.prior(self.stream(case, "prior")), dtype=np.int64)
        shape, betti = self._accepted(case, prior)
        target = label = shape.mask
        if self.label_noise != "none" and self.split not in FIXED_SPLITS:
            label = noisy_label(target, self.label_noise, self.stream(case, "label noise"))
            betti = measured_betti(label, self.info.topology.border)
        return Sample(
            case=case,
            image=self.picture(shape, case),
            target=label.astype(np.float32),
            prior=as_betti(prior),
            betti=betti,
            clean=None if label is target else target.astype(np.float32),
        )

    def _accepted(self, case: str, prior: Prior) -> tuple[S, dict[str, Betti]]:
        """Return the first shape that keeps to the design, or in ``relaxed`` breaks it."""
        rng = self.stream(case, "shape")
        designed = as_betti(prior)
        for _ in range(ATTEMPTS):
            shape = self.shape(prior, rng)
            if shape is None:
                continue
            betti = measured_betti(shape.mask, self.info.topology.border)
            kept = betti["V"] == betti["T"] == designed
            if kept != (self.split == "relaxed"):
                return shape, betti
        told = ", ".join(f"{knob}={value:g}" for knob, value in self.knobs.items())
        raise UserError(
            f"{self.info.name}: no shape of {case!r} had the wanted topology {designed} in "
            f"{ATTEMPTS} drawings; {told} do not suit each other"
        )
