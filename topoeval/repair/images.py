"""The repair of images that hold one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from topoeval.errors import UserError
from topoeval.repair.edits import CREATING, KINDS, Edit, Options, Repaired
from topoeval.topology import Topology

_ANY = -1
_MOST = int(np.iinfo(np.int64).max)
_HALF = np.float32(0.5)
# How far beyond 0.5 a flipped voxel of a map lies.
_BEYOND = 1e-3
_NAMES = tuple(KINDS)
_WHOLE = frozenset({"delete", "fill"})

Wanted = Sequence[int | None] | NDArray[np.int64] | None


def repair(
    image: ArrayLike,
    wanted: Wanted = None,
    topology: Topology | str = "T",
    options: Options | None = None,
    *,
    locked: ArrayLike | None = None,
) -> Repaired:
    """Edit a mask or a probability map until it has the wanted Betti numbers.

    Edits are priced by ``|logit p|`` summed over the flipped voxels (their number, for a mask),
    times ``width`` to the power of what a path or sheet lacks in dimensions. What is missing is
    created where the map has its longest bars; what is too much is removed in the order of
    prices. The finished mask is counted, and `Repaired.met` reports that count.

    Parameters
    ----------
    image
        ``(H, W)`` or ``(D, H, W)``: a boolean mask, True is foreground; or probabilities in
        [0, 1], foreground from 0.5 on (up to 0.5, if the direction is sublevel).
    wanted
        Betti numbers, as ``(1, 0)`` in 2D or ``(1, 0, 0)`` in 3D; None for a number that may be
        what it is. None instead of all: `options` say what goes (``limit``, ``min_size``,
        ``keep``).
    topology
        How masks are read.
    options
        What the repair may do.
    locked
        Boolean, same shape: voxels that may not flip.

    Raises
    ------
    UserError
        If the image is no mask or map, or neither `wanted` nor `options` say what is to be done.

    Examples
    --------
    A ring with a gap and a dot beside it becomes one ring:

    >>> import numpy as np
    >>> image = np.full((7, 9), 0.1)
    >>> image[1:6, 1:6] = 0.9
    >>> image[2:5, 2:5] = 0.2
    >>> image[3, 5] = 0.4
    >>> image[3, 7] = 0.6
    >>> result = repair(image, (1, 1))
    >>> result.before, result.after, result.met
    ((2, 0), (1, 1), True)
    >>> [edit.kind for edit in result.edits]
    ['close', 'delete', 'thicken']
    """
    array = as_array(image)
    lock = None if locked is None else np.asarray(locked)[None]
    return repair_batch(array[None], wanted, topology, options, locked=lock)[0]


def repair_batch(
    images: ArrayLike,
    wanted: Wanted = None,
    topology: Topology | str = "T",
    options: Options | None = None,
    *,
    locked: ArrayLike | None = None,
    masks: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> list[Repaired]:
    """Repair a batch of images of one shape.

    Parameters
    ----------
    images
        ``(B, H, W)`` or ``(B, D, H, W)``, as `repair` takes one.
    wanted
        For all images, ``(d,)``, or one row for each, ``(B, d)``.
    topology, options, locked
        As for `repair`; `locked` has the shape of the batch.
    masks
        The masks of a batch of maps, where that is not probabilities from 0.5 on.
    threads
        How many images may be worked on at a time; the result does not depend on it.

    Raises
    ------
    UserError
        As `repair`.
    """
    from topoeval import _native

    topology = Topology.parse(topology)
    options = options or Options()
    array = as_array(images)
    if array.ndim not in (3, 4):
        raise UserError(f"images must be 2D or 3D, got shape {array.shape[1:]} each")
    is_mask = array.dtype == np.bool_
    goals = _goals(wanted, array, options)
    if array.size == 0:
        raise UserError(f"images must have voxels, got shape {array.shape}")
    if not is_mask:
        values = _probabilities(array, topology)
    elif options.only is not None and set(options.only) <= _WHOLE:
        # Whole pieces have no place to be found: how deep a voxel lies does not matter.
        values = np.where(array, np.float32(0.75), np.float32(0.25))
    else:
        values = _distances(array, topology)
    if is_mask and options.evidence > 0:
        raise UserError("evidence needs a probability map: a mask has no bars")
    if is_mask and (options.limit is not None or options.settle):
        raise UserError("limit and settle need a probability map, not a mask")
    before = array if is_mask else (values >= _HALF if masks is None else masks)
    lock = None if locked is None else as_locked(locked)
    if lock is not None and lock.shape != array.shape:
        raise UserError(f"locked must have shape {array.shape}, got {lock.shape}")
    if before.shape != array.shape:
        raise UserError(f"masks must have shape {array.shape}, got {before.shape}")
    found = _native.repair(
        before,
        values,
        lock,
        goals,
        topology.construction,
        topology.framed,
        is_mask,
        options.settle,
        options.mask_of_kinds,
        options.width,
        options.radius,
        options.evidence,
        np.inf if options.limit is None else options.limit,
        np.iinfo(np.int64).max if options.max_change is None else options.max_change,
        options.min_size,
        _ANY if options.keep is None else options.keep,
        threads,
    )
    after = found[0]
    counts = _native.betti_numbers(after, topology.construction, topology.framed, threads)
    edits = _edits(found, array.shape, is_mask)
    stated = None if wanted is None else goals
    return [
        Repaired(
            mask=after[i],
            probabilities=None if is_mask else _written(array[i], before[i], after[i], topology),
            before=tuple(map(int, found[1][i])),
            after=tuple(map(int, counts[i])),
            wanted=_stated(stated, i, array.ndim - 1),
            edits=tuple(edits[i]),
        )
        for i in range(len(array))
    ]


def as_array(image: ArrayLike) -> NDArray[Any]:
    """Return an image as an array, or refuse one with values that are hidden.

    Raises
    ------
    UserError
        A masked array that hides a value.
    """
    if isinstance(image, np.ma.MaskedArray) and np.ma.is_masked(image):
        raise UserError(
            "a masked array hides voxels; fill them, x.filled(value), and name those that must "
            "stay as they are: locked=x.mask"
        )
    return np.asarray(image)


def as_locked(locked: ArrayLike) -> NDArray[np.bool_]:
    """Return which voxels are locked, or refuse what is no mask: a map locks all but its zeros.

    Raises
    ------
    UserError
        If the values are neither boolean nor whole.
    """
    array = np.asarray(locked)
    if array.dtype.kind not in "biu":
        raise UserError(f"locked must be boolean, got {array.dtype}; write x > 0.5")
    return array.astype(bool)


def _goals(wanted: Wanted, array: NDArray[Any], options: Options) -> NDArray[np.int64]:
    dims = array.ndim - 1
    if wanted is None:
        if not options.acts_without_prior:
            raise UserError(
                "say what is wanted: Betti numbers, or a limit, min_size or keep to go by"
            )
        # With a limit every feature may go that is cheap enough.
        fill = _ANY if options.limit is None else 0
        return np.full((len(array), dims), fill, dtype=np.int64)
    rows = np.asarray(wanted, dtype=object)
    if (
        rows.ndim not in (1, 2)
        or rows.shape[-1] != dims
        or (rows.ndim == 2 and len(rows) not in (1, len(array)))
    ):
        raise UserError(f"wanted must hold {dims} Betti numbers for {dims}D images, got {wanted!r}")
    whole = [_ANY if n is None else _whole(n, wanted) for n in rows.ravel()]
    numbers = np.array(whole, dtype=np.int64).reshape(-1, dims)
    return np.ascontiguousarray(np.broadcast_to(numbers, (len(array), dims)))


def _whole(number: Any, wanted: Wanted) -> int:
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        whole = _ANY
    if whole != number or not 0 <= whole <= _MOST:
        raise UserError(
            f"Betti numbers are whole, not negative and at most {_MOST}, got {wanted!r}"
        )
    return whole


def _stated(goals: NDArray[np.int64] | None, i: int, dims: int) -> tuple[int | None, ...]:
    if goals is None:
        return (None,) * dims
    return tuple(None if n == _ANY else int(n) for n in goals[i])


def _probabilities(array: NDArray[Any], topology: Topology) -> NDArray[np.float32]:
    if array.dtype.kind != "f":
        raise UserError(
            f"images must be boolean masks or probabilities, got {array.dtype}; write "
            "image > 0 for a mask"
        )
    values = array.astype(np.float32, copy=False)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # NaN compares as false
        raise UserError(f"probabilities must lie in [0, 1], got {low:g} to {high:g}")
    return values if topology.superlevel else 1 - values


def _distances(masks: NDArray[np.bool_], topology: Topology) -> NDArray[np.float32]:
    """Return for masks what stands for a map: 0.5 at the border, deep voxels near 0 and 1."""
    values = np.empty(masks.shape, dtype=np.float32)
    inner = (slice(1, -1),) * (masks.ndim - 1)
    for value, mask in zip(values, masks, strict=True):
        padded = np.pad(mask, 1, constant_values=topology.framed)
        depth = np.ones(padded.shape, dtype=np.float32)
        for phase in (padded, ~padded):
            if phase.any() and not phase.all():
                depth[phase] = ndimage.distance_transform_edt(phase)[phase]
        near = (depth / (1 + depth))[inner]
        value[...] = 0.5 + 0.5 * np.where(mask, near, -near)
    return values


def _written(
    image: NDArray[Any],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    topology: Topology,
) -> NDArray[Any]:
    beyond = np.where(after == topology.superlevel, 0.5 + _BEYOND, 0.5 - _BEYOND)
    return np.where(after == before, image, beyond.astype(image.dtype))


def _edits(
    found: tuple[NDArray[Any], ...], shape: tuple[int, ...], is_mask: bool
) -> list[list[Edit]]:
    item, kind, cost, bar, size, voxels = found[3:]
    edits: list[list[Edit]] = [[] for _ in range(shape[0])]
    ends = np.cumsum(size)
    for i in range(len(item)):
        name = _NAMES[kind[i]]
        flat = voxels[ends[i] - size[i] : ends[i]]
        edits[item[i]].append(
            Edit(
                kind=name,
                cost=float(cost[i]),
                bar=float(bar[i]) if name in CREATING and not is_mask else np.nan,
                voxels=np.stack(np.unravel_index(flat, shape[1:]), axis=1).astype(np.int64),
            )
        )
    return edits
