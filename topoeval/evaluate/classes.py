"""Which classes are scored, and the prior of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics import class_masks, pairwise_unions
from topoeval.metrics.classes import MERGED, members

FOREGROUND = "foreground"
# More labels than this in one file, and nobody named them: a grey image.
_MOST_LABELS = 32
Priors = Mapping[str | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of an evaluation.

    Parameters
    ----------
    names
        Labels, unions (``"1+2"``), ``"merged"``; or ``"foreground"`` alone: whatever is not 0.
    priors
        Betti numbers by class; under None those of every class without its own.
    """

    names: tuple[str, ...]
    priors: Priors = field(default_factory=dict)

    def masks(self, labels: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
        """Return the mask of each class of a label map."""
        wanted = [MERGED if name == FOREGROUND else name for name in self.names]
        return dict(zip(self.names, class_masks(labels, wanted), strict=True))

    def prior(self, name: str) -> tuple[int, ...] | None:
        """Return the prior of a class, if it has one."""
        return self.priors.get(name, self.priors.get(None))


def parse_classes(text: str) -> tuple[str, ...]:
    """Read ``"1,2,1+2,merged"``.

    Raises
    ------
    UserError
        If a class is neither a label, a union nor ``merged``.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name != MERGED:
            members(name)
    if not names:
        raise UserError(f"no class named in {text!r}; for example 1,2,1+2,merged")
    return names


def parse_priors(texts: Iterable[str]) -> dict[str | None, tuple[int, ...]]:
    """Read ``"1,1"`` for every class, or ``"2:1,1"`` for class 2.

    >>> parse_priors(["1,0", "1+2:1,1"])
    {None: (1, 0), '1+2': (1, 1)}
    """
    priors: dict[str | None, tuple[int, ...]] = {}
    for text in texts:
        name, colon, numbers = text.rpartition(":")
        try:
            prior = tuple(int(part) for part in numbers.split(","))
        except ValueError:
            prior = ()
        if len(prior) not in (2, 3) or min(prior) < 0:
            raise UserError(f"prior {text!r} is not of the form 1,1 (2D), 1,0,0 (3D), or CLASS:1,1")
        priors[name if colon else None] = prior
    return priors


def choose_classes(
    found: Sequence[set[int]],
    named: tuple[str, ...] | None,
    unions: bool,
    priors: Priors,
) -> Classes:
    """Decide on the classes from the labels that each file holds.

    Named classes win. Otherwise, files that hold a single label between them, 255 counted as 1, are
    masks; else every label is a class, and all of them merged one more.

    Raises
    ------
    UserError
        If a prior belongs to none of the classes.
    """
    if named is not None:
        names = named
    else:
        labels = sorted(set().union(*({1} if one == {255} else one for one in found)))
        single = len(labels) <= 1
        names = (FOREGROUND,) if single else (*map(str, labels), MERGED)
    if unions:
        labels = sorted({label for name in names if name.isdigit() for label in members(name)})
        names = tuple(dict.fromkeys([*names, *pairwise_unions(labels)]))
    for name in priors:
        if name is not None and name not in names:
            raise UserError(f"prior for class {name!r}, but the classes are {', '.join(names)}")
    return Classes(names, priors)


def too_many(labels: set[int]) -> bool:
    """Whether a file holds so many labels that it is rather a grey image."""
    return len(labels) > _MOST_LABELS
