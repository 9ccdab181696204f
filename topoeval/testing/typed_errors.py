"""Known errors in known masks: what a score answers to a break, a bridge, a hole, a shift, ...

Each error is one of `KINDS`, of one of three `SIZES`, and is made where its effect on the Betti
numbers is exactly the one that its kind has; that is counted, not assumed. With them the author of
a metric sees which errors it sees, and docs/which-score.md was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from topoeval.digital.homotopy import warp
from topoeval.digital.thinning import thin
from topoeval.errors import UserError, nearest
from topoeval.metrics.arrays import as_mask
from topoeval.metrics.betti import betti_numbers
from topoeval.topology import Topology

Mask = NDArray[np.bool_]
Point = NDArray[np.float64]

TRIES = 200
"""Places that are tried before an error is given up."""
BRIDGED = 3.0
"""How far from the foreground the middle of a bridge lies at the least, in voxels."""
MARGIN = 2.0
"""Voxels of background that a spur and a false component keep from everything else."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error.

    Parameters
    ----------
    title
        As in tables.
    what
        One sentence.
    sizes
        Small, medium and large, in voxels.
    measures
        What the size is of.
    make
        ``(view, size, rng) -> mask or None``: one attempt at one place.
    change
        Whether a change of the Betti numbers is that of the kind.
    """

    title: str
    what: str
    sizes: tuple[int, int, int]
    measures: str
    make: Callable[[_View, int, np.random.Generator], Mask | None]
    change: Callable[[NDArray[np.int64]], bool]


def with_errors(
    mask: Mask,
    kind: str,
    rng: np.random.Generator,
    *,
    size: int | None = None,
    number: int = 1,
    topology: Topology | str = "T",
) -> Mask | None:
    """Return a mask with errors of one kind, or None where the mask has no place for them.

    Parameters
    ----------
    mask
        Boolean, 2D or 3D, all axes spatial.
    kind
        One of `KINDS`.
    rng
        Decides the places.
    size
        In voxels; the kind's medium one by default.
    number
        How many errors, at places of their own. A shift and a change of thickness are of the whole
        mask: they come once.
    topology
        Construction and border in which Betti numbers are counted.

    Raises
    ------
    UserError
        An unknown kind, a mask that is not boolean or neither 2D nor 3D, a size or number below 1,
        more than one error of the whole mask.

    Examples
    --------
    >>> ring = np.zeros((24, 24), dtype=bool)
    >>> ring[4:20, 4:20] = True
    >>> ring[8:16, 8:16] = False
    >>> broken = with_errors(ring, "break", np.random.default_rng(0), size=3)
    >>> betti_numbers(ring, "T", 2).tolist(), betti_numbers(broken, "T", 2).tolist()
    ([1, 1], [1, 0])
    """
    array, topology = as_mask(mask), Topology.parse(topology)
    if array.ndim not in (2, 3):
        raise UserError(f"errors are made in one mask, (H, W) or (D, H, W), got {array.shape}")
    if kind not in KINDS:
        raise UserError(f"no kind of error is called {kind!r}{nearest(kind, list(KINDS))}")
    one = KINDS[kind]
    size = one.sizes[1] if size is None else size
    if not isinstance(rng, np.random.Generator):
        raise UserError(f"rng must be a numpy.random.Generator, got {rng!r}; default_rng(0) is one")
    if not all(isinstance(one, int | np.integer) and one >= 1 for one in (size, number)):
        raise UserError(f"size and number are whole, 1 or more, got {size} and {number}")
    if number > 1 and kind in WHOLE:
        raise UserError(f"{kind!r} is an error of the whole mask, and number is {number}; give 1")
    current = array
    changed = np.zeros_like(array)
    for _ in range(number):
        before = betti_numbers(current, topology, array.ndim)
        view = _View(current, topology)
        for _ in range(TRIES):
            found = one.make(view, size, rng)
            if found is None:
                continue
            new = found != current
            # errors that meet would be one
            if not new.any() or (kind not in WHOLE and (_dilated(new) & changed).any()):
                continue
            if one.change(betti_numbers(found, topology, array.ndim) - before):
                current, changed = found, changed | new
                break
        else:
            return None
    return current


class _View:
    """A mask, and what the makers of errors ask of it, each computed once."""

    def __init__(self, mask: Mask, topology: Topology) -> None:
        self.mask, self.topology, self.ndim = mask, topology, mask.ndim
        self.depth = np.asarray(distance_transform_edt(np.pad(mask, 1)))[
            (slice(1, -1),) * mask.ndim
        ]
        self.clear = np.asarray(distance_transform_edt(~mask))
        self.skeleton = thin(mask[None], topology)[0]
        self.points = np.argwhere(self.skeleton)

    def random_point(self, rng: np.random.Generator) -> Point | None:
        """Return a voxel of the skeleton."""
        if len(self.points) == 0:
            return None
        return self.points[rng.integers(len(self.points))].astype(np.float64)

    def distance(self, point: Point) -> NDArray[np.float64]:
        """Return how far each voxel is from a point."""
        axes = np.ogrid[tuple(slice(side) for side in self.mask.shape)]
        squares = [(axis - at) ** 2 for axis, at in zip(axes, point, strict=True)]
        return np.sqrt(np.asarray(sum(squares), np.float64))

    def along(self, start: Point, end: Point) -> NDArray[np.float64]:
        """Return how far each voxel is from a segment."""
        axes = np.ogrid[tuple(slice(side) for side in self.mask.shape)]
        way = end - start
        dots = [(axis - at) * step for axis, at, step in zip(axes, start, way, strict=True)]
        share = np.clip(np.asarray(sum(dots), np.float64) / max(float(way @ way), 1e-9), 0, 1)
        squares = [
            (axis - at - share * step) ** 2 for axis, at, step in zip(axes, start, way, strict=True)
        ]
        return np.sqrt(np.asarray(sum(squares), np.float64))

    def outside(self, point: Point) -> bool:
        """Whether a point is too near to the border of the image, or beyond it."""
        return bool(
            (point < MARGIN).any() or (point > np.array(self.mask.shape) - 1 - MARGIN).any()
        )


def _break(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Cut through a branch, a slab of `size` voxels across it."""
    at = view.random_point(rng)
    if at is None:
        return None
    near = view.points[np.abs(view.points - at).max(1) <= 3]
    if len(near) < 5:
        return None
    # the direction of the branch: that in which its skeleton spreads most
    along = np.linalg.svd(near - near.mean(0), full_matrices=False)[2][0]
    axes = np.ogrid[tuple(slice(side) for side in view.mask.shape)]
    ahead = np.abs(sum((a - p) * v for a, p, v in zip(axes, at, along, strict=True)))
    reach = view.depth[_voxel(at)] + size / 2 + 1.5
    return view.mask & ~((ahead <= size / 2) & (view.distance(at) <= reach))


def _merge(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Lay a bridge of width `size` between two places of the foreground."""
    first, second = view.random_point(rng), view.random_point(rng)
    if first is None or second is None:
        return None
    way = np.linalg.norm(second - first)
    if not 4 <= way <= max(view.mask.shape) / 2:
        return None
    bridge = view.along(first, second) <= size / 2
    # a corner that is filled is no bridge
    return view.mask | bridge if view.clear[bridge].max() >= BRIDGED else None


def _hole(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Take a ball of diameter `size` out of the inside: a hole in 2D, a cavity in 3D."""
    places = np.argwhere(view.depth > size / 2 + 1)
    if len(places) == 0:
        return None
    at = places[rng.integers(len(places))].astype(np.float64)
    return view.mask & ~(view.distance(at) <= size / 2)


def _spur(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Let a thin twig of length `size` grow out of the foreground."""
    at = view.random_point(rng)
    if at is None:
        return None
    direction = rng.normal(size=view.ndim)
    direction /= np.linalg.norm(direction)
    start = at + direction * view.depth[_voxel(at)]
    end = start + direction * size
    if view.outside(end) or view.clear[_voxel(end)] < size - 1:
        return None
    return view.mask | (view.along(at, end) <= 0.8)


def _missing_branch(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Take the last `size` voxels of a branch that ends."""
    neighbours = _neighbours(view.skeleton)
    ends = np.argwhere(view.skeleton & (neighbours == 1))
    if len(ends) == 0:
        return None
    way = [tuple(ends[rng.integers(len(ends))])]
    seen = set(way)
    while len(way) < size:
        onward = [
            one
            for step in product((-1, 0, 1), repeat=view.ndim)
            if (one := tuple(np.add(way[-1], step))) not in seen
            and all(0 <= at < side for at, side in zip(one, view.mask.shape, strict=True))
            and view.skeleton[one]
        ]
        if len(onward) != 1:  # the branch ends before, or divides
            return None
        way.append(onward[0])
        seen.add(onward[0])
    gone = np.zeros_like(view.mask)
    gone[tuple(np.transpose(way))] = True
    to_gone = np.asarray(distance_transform_edt(~gone))
    to_rest = np.asarray(distance_transform_edt(~(view.skeleton & ~gone)))
    return view.mask & ~(view.mask & (to_gone < to_rest))


def _false_component(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Put a ball of diameter `size` into the background, apart from all else."""
    places = np.argwhere(view.clear > size / 2 + MARGIN)
    if len(places) == 0:
        return None
    at = places[rng.integers(len(places))].astype(np.float64)
    ball = view.distance(at) <= size / 2
    return None if view.outside(at - size / 2) or view.outside(at + size / 2) else view.mask | ball


def _shift(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Move the mask by `size` voxels along an axis."""
    axis, sign = rng.integers(view.ndim), rng.choice([-1, 1])
    moved = np.roll(view.mask, sign * size, axis)
    edge = slice(0, size) if sign > 0 else slice(-size, None)
    return None if moved.swapaxes(0, axis)[edge].any() else moved


def _thicker(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Grow the mask by `size` voxels on all sides, as far as its topology lets it."""
    return warp(view.mask[None], (view.clear <= size)[None], view.topology)[0]


def _thinner(view: _View, size: int, rng: np.random.Generator) -> Mask | None:
    """Take `size` voxels from all sides, as far as topology and skeleton let it."""
    return warp(view.mask[None], ((view.depth > size) | view.skeleton)[None], view.topology)[0]


def _voxel(point: Point) -> tuple[int, ...]:
    return tuple(int(at) for at in np.rint(point))


def _neighbours(mask: Mask) -> NDArray[np.int64]:
    """Return for each voxel how many of its 8 or 26 neighbours are set."""
    padded = np.pad(mask, 1).astype(np.int64)
    total = -mask.astype(np.int64)
    for step in product((0, 1, 2), repeat=mask.ndim):
        total += padded[tuple(slice(at, at + n) for at, n in zip(step, mask.shape, strict=True))]
    return total


def _dilated(mask: Mask) -> Mask:
    return np.asarray(distance_transform_edt(~mask)) <= 3


def _same(change: NDArray[np.int64]) -> bool:
    return not change.any()


def _one_more(change: NDArray[np.int64], dimension: int) -> bool:
    wanted = np.zeros_like(change)
    wanted[dimension] = 1
    return np.array_equal(change, wanted)


def _cut(change: NDArray[np.int64]) -> bool:
    """A piece more, or a loop less."""
    return change[0] - change[1] == 1 and 0 <= change[0] <= 1 and not change[2:].any()


def _joined(change: NDArray[np.int64]) -> bool:
    return _cut(-change)


KINDS: Mapping[str, Kind] = {
    "break": Kind(
        "break", "A branch is cut through.", (2, 4, 7), "length of the gap", _break, _cut
    ),
    "merge": Kind(
        "merge", "A bridge joins what is apart.", (1, 3, 5), "width of the bridge", _merge, _joined
    ),
    "hole": Kind(
        "hole",
        "A hole in the inside (3D: a cavity).",
        (1, 2, 4),
        "diameter",
        _hole,
        lambda change: _one_more(change, -1),
    ),
    "false_component": Kind(
        "false component",
        "A ball where nothing is.",
        (1, 4, 8),
        "diameter",
        _false_component,
        lambda change: _one_more(change, 0),
    ),
    "spur": Kind("spur", "A thin twig too many.", (3, 6, 10), "length", _spur, _same),
    "missing_branch": Kind(
        "missing branch",
        "The end of a branch is not there.",
        (3, 6, 10),
        "length",
        _missing_branch,
        _same,
    ),
    "shift": Kind("shift", "The whole mask is moved.", (1, 2, 4), "distance", _shift, _same),
    "thicker": Kind(
        "thicker", "All is thicker.", (1, 2, 3), "voxels on each side", _thicker, _same
    ),
    "thinner": Kind(
        "thinner", "All is thinner.", (1, 2, 3), "voxels from each side", _thinner, _same
    ),
}  # fmt: skip
"""The kinds of errors by name: those that change the topology first."""

WHOLE = frozenset({"shift", "thicker", "thinner"})
"""Kinds that are of the whole mask."""
