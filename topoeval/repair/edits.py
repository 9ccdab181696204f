"""What a repair may do and what it did: options, edits, and the result for one image."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError, nearest

KINDS = {
    "delete": "a component is deleted",
    "fill": "a hole (2D) or cavity (3D) is filled",
    "join": "two components are joined by a path",
    "open": "a hole or cavity is joined with another one or with the outside",
    "create": "a voxel becomes a component",
    "pierce": "a voxel becomes a hole or cavity",
    "split": "a component is cut in two",
    "close": "a hole or cavity is closed off from what it was open to",
    "cut": "a handle is cut through (3D)",
    "cover": "the tunnel of a handle is covered (3D)",
    "bridge": "a handle is added by a path of foreground (3D)",
    "tunnel": "a handle is added by a path of background (3D)",
    "thicken": "simple voxels beside a new path are added, which changes no Betti number",
    "settle": "simple voxels are moved towards the mask of largest expected Dice",
}
"""The kinds of edits, in the order of native/repair/edits.hpp."""

CREATING = frozenset({"create", "pierce", "split", "close", "bridge", "tunnel"})
"""Kinds that add a feature, for which the map has a bar."""

REVISION = 2
"""Raised when repairs come out different: results of another revision are no part of a set.

2: a repair in 2D may begin a second time (decision 75); rounds end where a removal has become
cheaper, and every map is settled (decision 77).
"""

SHORT_BAR = 0.1
"""A feature created for a shorter bar is doubtful: is the wanted number right?"""

_ALWAYS = ("thicken", "settle")
_MOST = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Options:
    """What a repair may do.

    Parameters
    ----------
    evidence
        No feature is created whose bar in the map is shorter, in [0, 1].
    limit
        No voxel flips whose ``|logit p|`` is larger. None for no limit.
    max_change
        No edit may flip more voxels, those counted that thicken its path. None for no limit; it
        cannot be combined with `settle`, which moves whole borders.
    only
        Names of `KINDS` that may be used; None for all.
    min_size
        Components and holes of fewer voxels are deleted and filled first, whatever is wanted.
    keep
        So many largest components are kept, whatever is wanted. None for all.
    width
        Width of the structures, in voxels: a path costs as much as one that wide.
    radius
        Radius, in voxels, to which paths of foreground are thickened; below 1 not at all.
    settle
        Finally move the border to where it maximises the expected Dice score, of maps that have
        the wanted numbers already, too; paths stay as thick as they were made. Only for calibrated
        probabilities.
    """

    evidence: float = 0.0
    limit: float | None = None
    max_change: int | None = None
    only: Collection[str] | None = None
    min_size: int = 0
    keep: int | None = None
    width: float = 3.0
    radius: float = 1.0
    settle: bool = False

    def __post_init__(self) -> None:
        _in_range("evidence", self.evidence, 0, 1)
        _in_range("limit", math.inf if self.limit is None else self.limit, 0, math.inf)
        _whole("max_change", 0 if self.max_change is None else self.max_change)
        _whole("min_size", self.min_size)
        _whole("keep", 0 if self.keep is None else self.keep)
        _in_range("width", self.width, 1, 1000)
        _in_range("radius", self.radius, 0, 100)
        if self.settle and self.max_change is not None:
            raise UserError(
                "settle moves whole borders, and max_change limits each edit; leave one of them out"
            )
        if self.only is None:
            return
        if isinstance(self.only, str):
            raise UserError(f"only is a list of kinds of edits, got {self.only!r}")
        given = tuple(map(str, self.only))
        for kind in given:
            if kind not in KINDS:
                raise UserError(f"unknown kind of edit {kind!r}{nearest(kind, KINDS)}")
        # a set has no order, which a hash of the options needs, and an iterator is read once
        object.__setattr__(self, "only", tuple(kind for kind in KINDS if kind in given))

    @property
    def mask_of_kinds(self) -> int:
        """Bit k is set if the kth of `KINDS` may be used."""
        allowed = set(KINDS) if self.only is None else {*self.only, *_ALWAYS}
        return sum(1 << place for place, kind in enumerate(KINDS) if kind in allowed)

    @property
    def acts_without_prior(self) -> bool:
        """Whether these options alone say what is to go."""
        return self.limit is not None or self.min_size > 1 or self.keep is not None


def _whole(name: str, value: int) -> None:
    if not isinstance(value, Integral) or not 0 <= value <= _MOST:
        raise UserError(f"{name} must be a whole number from 0 to {_MOST}, got {value!r}")


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not isinstance(value, Real):
        raise UserError(f"{name} must be a number, got {value!r}")
    if not low <= value <= high:
        raise UserError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One edit.

    Parameters
    ----------
    kind
        A name of `KINDS`.
    cost
        Sum of ``|logit p|`` over its voxels; of a mask their number.
    bar
        Length of the bar that a created feature has in the map, in [0, 1]; NaN for edits that
        create nothing, and for masks.
    voxels
        Coordinates of the flipped voxels, ``(n, d)``.
    """

    kind: str
    cost: float
    bar: float
    voxels: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many voxels were flipped."""
        return len(self.voxels)


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """A repaired image.

    Parameters
    ----------
    mask
        Boolean, the shape of the image.
    probabilities
        The map with flipped voxels just beyond 0.5; None if a mask was repaired.
    before, after
        Betti numbers of the mask, counted before and after.
    wanted
        The Betti numbers asked for, None where any number was allowed.
    edits
        In the order in which they were made.
    """

    mask: NDArray[np.bool_]
    probabilities: NDArray[np.floating] | None
    before: tuple[int, ...]
    after: tuple[int, ...]
    wanted: tuple[int | None, ...]
    edits: tuple[Edit, ...]

    @property
    def met(self) -> bool:
        """Whether the mask has the wanted numbers, by a count of the finished mask."""
        pairs = zip(self.after, self.wanted, strict=True)
        return all(want is None or has == want for has, want in pairs)

    @property
    def flipped(self) -> int:
        """How many voxels differ; one that two edits flipped is as it was."""
        if not self.edits:
            return 0
        voxels = np.concatenate([edit.voxels for edit in self.edits])
        _, counts = np.unique(voxels, axis=0, return_counts=True)
        return int((counts % 2).sum())

    @property
    def shortest_bar(self) -> float:
        """Length of the shortest bar that a feature was created for; NaN if none was."""
        bars = [edit.bar for edit in self.edits if not math.isnan(edit.bar)]
        return min(bars, default=math.nan)

    @property
    def doubtful(self) -> bool:
        """Whether a feature was created for so short a bar that the wanted numbers are in doubt."""
        return self.shortest_bar < SHORT_BAR
