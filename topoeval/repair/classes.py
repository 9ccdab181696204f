"""The repair of several classes that exclude each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.repair.edits import Options, Repaired
from topoeval.repair.images import as_array, as_locked, repair, repair_batch
from topoeval.topology import Topology

Numbers = Mapping[int, Sequence[int | None] | None]

# A sum of a softmax may exceed 1 by so much.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Repaired classes.

    Parameters
    ----------
    labels
        The label map, with the dtype of the one that was given.
    classes
        The repair of each class that was asked for, by label. A class keeps its numbers when
        later ones are repaired: no class takes a voxel of another one.
    """

    labels: NDArray[Any]
    classes: dict[int, Repaired]

    @property
    def met(self) -> bool:
        """Whether every class has its wanted numbers."""
        return all(one.met for one in self.classes.values())


def repair_labels(
    labels: ArrayLike,
    wanted: Numbers,
    topology: Topology | str = "T",
    options: Options | None = None,
    *,
    locked: ArrayLike | None = None,
) -> Classes:
    """Repair classes of a label map one after another.

    A class grows into background only (label 0), and leaves background behind.

    Parameters
    ----------
    labels
        Integers ``(H, W)`` or ``(D, H, W)``.
    wanted
        Betti numbers of each class to repair, in the order in which they are to be repaired;
        None where the options act without any.
    topology, options, locked
        As for `topoeval.repair.repair`.

    Raises
    ------
    UserError
        If these are no labels, or label 0 is to be repaired.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array([[1, 1, 0, 1], [2, 2, 2, 2], [2, 0, 2, 0]])
    >>> repair_labels(labels, {1: (1, 0), 2: (1, 0)}).labels
    array([[1, 1, 0, 0],
           [2, 2, 2, 2],
           [2, 0, 2, 0]])
    """
    array = as_array(labels).copy()
    if array.dtype.kind not in "iu":
        raise UserError(f"labels must be integers, got {array.dtype}")
    kept = _locked(locked, array.shape)
    done: dict[int, Repaired] = {}
    for label, numbers in wanted.items():
        _check_label(label)
        if label > np.iinfo(array.dtype).max:
            raise UserError(f"label {label} does not fit into a label map of {array.dtype}")
        mask = array == label
        others = kept | ((array != 0) & ~mask)
        done[label] = repair(mask, numbers, topology, options, locked=others)
        _write_class(array, label, mask, done[label])
    return Classes(array, done)


def repair_classes(
    probabilities: ArrayLike,
    wanted: Numbers,
    topology: Topology | str = "T",
    options: Options | None = None,
    *,
    locked: ArrayLike | None = None,
) -> Classes:
    """Repair classes of a softmax one after another.

    The class of a voxel is its largest channel; channel 0 is background. For class c the map is
    ``p_c / (p_c + q)`` with q the largest other channel, which is 0.5 where the class begins.

    Parameters
    ----------
    probabilities
        ``(C, H, W)`` or ``(C, D, H, W)``, in [0, 1].
    wanted, topology, options, locked
        As for `repair_labels`.

    Raises
    ------
    UserError
        If a class has no channel, or values are no probabilities.
    """
    array = np.asarray(as_array(probabilities), dtype=np.float32)
    if array.ndim not in (3, 4) or len(array) < 2 or array.size == 0:
        raise UserError(f"a softmax has shape (C, *spatial) with C > 1, got {array.shape}")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1 + _ROUNDING):  # NaN compares as false
        raise UserError(f"probabilities must lie in [0, 1], got {low:g} to {high:g}")
    labels = array.argmax(axis=0).astype(np.min_scalar_type(len(array)))
    kept = _locked(locked, labels.shape)
    done: dict[int, Repaired] = {}
    for label, numbers in wanted.items():
        _check_label(label)
        if label >= len(array):
            raise UserError(f"class {label} has no channel: there are {len(array)}, from 0 on")
        own = array[label]
        other = np.delete(array, label, axis=0).max(axis=0)
        relative = own / np.maximum(own + other, np.finfo(np.float32).tiny)
        mask = labels == label
        others = kept | ((labels != 0) & ~mask)
        (done[label],) = repair_batch(
            relative[None],
            numbers,
            topology,
            options,
            locked=others[None],
            masks=mask[None],
        )
        _write_class(labels, label, mask, done[label])
    return Classes(labels, done)


def _locked(locked: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if locked is None:
        return np.zeros(shape, dtype=bool)
    array = as_locked(locked)
    if array.shape != shape:
        raise UserError(f"locked must have shape {shape}, got {array.shape}")
    return array


def _check_label(label: int) -> None:
    if not isinstance(label, Integral):
        raise UserError(f"labels are whole numbers, got {label!r}")
    if label < 1:
        raise UserError(f"label {label} is no class: background gives and takes what others change")


def _write_class(
    labels: NDArray[Any], label: int, before: NDArray[np.bool_], done: Repaired
) -> None:
    labels[before & ~done.mask] = 0
    labels[done.mask] = label
