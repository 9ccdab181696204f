"""The repair of files: masks, label maps, probability maps and softmaxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.images.image import Image
from topoeval.images.reading import Reading, are_parts, foreground, read_labels
from topoeval.images.survey import read_mask
from topoeval.images.writing import write_like
from topoeval.repair.classes import Classes, repair_classes, repair_labels
from topoeval.repair.edits import SHORT_BAR, Options, Repaired
from topoeval.repair.images import repair
from topoeval.repair.softmax import softmax_of
from topoeval.topology import Topology

Priors = Mapping[str | None, tuple[int, ...]]

# How far beyond the threshold a flipped voxel of a map lies, and how much larger the channel of the
# new class is than the largest other one.
_BEYOND = 2e-3


@dataclass(frozen=True, slots=True)
class RepairedClass:
    """What was done to one class of a file, in numbers; see `topoeval.repair.Repaired`.

    Parameters
    ----------
    before, after
        Betti numbers of its mask.
    met
        Whether `after` are the wanted ones.
    kinds
        How many edits of each kind.
    flipped
        Voxels that differ.
    shortest_bar
        Of the features that were created; NaN without any.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    met: bool
    kinds: Mapping[str, int]
    flipped: int
    shortest_bar: float

    @property
    def doubtful(self) -> bool:
        """Whether a feature was created for so short a bar that the wanted numbers are in doubt."""
        return self.shortest_bar < SHORT_BAR


@dataclass(frozen=True, slots=True)
class RepairedFile:
    """What was done to one file; no image is kept.

    Parameters
    ----------
    source, target
        The file that was read, and the one that was written.
    classes
        By label.
    rows
        A row for each edit: what was done, at what cost, and where. ``i, j, k`` is the flipped
        voxel nearest to the middle of the edit, in the order of the axes of the file as it is read;
        ``x, y, z`` its place in millimetres (RAS), if it states one.
    """

    source: Path
    target: Path
    classes: Mapping[int, RepairedClass]
    rows: Sequence[Mapping[str, Any]]

    @property
    def met(self) -> bool:
        """Whether every class has its wanted numbers."""
        return all(one.met for one in self.classes.values())


def _told(source: Path, target: Path, image: Image, done: Mapping[int, Repaired]) -> RepairedFile:
    """Return what was done, without the masks."""
    rows = []
    for label, one in done.items():
        for edit in one.edits:
            middle = edit.voxels.mean(axis=0)
            at = edit.voxels[((edit.voxels - middle) ** 2).sum(axis=1).argmin()]
            spacing = image.spacing
            row: dict[str, Any] = {
                "class": label,
                "kind": edit.kind,
                "cost": round(edit.cost, 4),
                "bar": edit.bar,
                "voxels": edit.size,
                "volume": None if spacing is None else edit.size * float(np.prod(spacing)),
                **dict(zip("ijk", map(int, at), strict=False)),
            }
            if image.affine is not None:
                world = image.affine @ np.append(at, 1.0)
                row.update(zip("xyz", (round(float(v), 4) for v in world), strict=True))
            rows.append(row)
    classes = {
        label: RepairedClass(
            one.before,
            one.after,
            one.met,
            dict(Counter(edit.kind for edit in one.edits)),
            one.flipped,
            one.shortest_bar,
        )
        for label, one in done.items()
    }
    return RepairedFile(source, target, classes, rows)


@dataclass(frozen=True, slots=True)
class Order:
    """A file to repair; see `repair_file`."""

    source: Path
    target: Path
    softmax: Path | None = None


def repair_order(
    order: Order,
    reading: Reading,
    priors: Priors,
    topology: Topology,
    options: Options,
    ignored: int | None = None,
) -> RepairedFile:
    """Repair one file, as `repair_file`; for processes that are sent orders."""
    return repair_file(
        order.source, order.target, reading, priors, topology, options, order.softmax, ignored
    )


def repair_file(
    source: Path,
    target: Path,
    reading: Reading,
    priors: Priors,
    topology: Topology,
    options: Options | None = None,
    softmax: Path | None = None,
    ignored: int | None = None,
) -> RepairedFile:
    """Repair one file and write the result in its format.

    Parameters
    ----------
    source, target
        What is read, and what is written, in a folder that is made if it is not there.
    reading
        What its values mean, as `topoeval.images.reading.decide` found it for the whole set.
    priors
        Wanted Betti numbers by the label of the class, as text; under None those of every other.
    topology, options
        As for `topoeval.repair.repair`.
    softmax
        The softmax of nnU-Net that a label map was made from, by which edits are priced.
    ignored
        The label of voxels to leave out: they stay as they are, and every class sees background
        there.

    Raises
    ------
    UserError
        If the file cannot be read, written or repaired; the message names it.
    """
    image = read_mask(source, reading.terms)
    try:
        if image.channel_axis is not None:
            array, classes = _softmax(image, reading, priors, topology, options)
        elif reading.fractions:
            array, classes = _map(image, reading, priors, topology, options)
        else:
            before = read_labels(source, reading).array
            # a label without wanted numbers is locked, and background to all other classes
            wanted = _wanted(priors, sorted(reading.labels - {ignored}), options)
            if softmax is None:
                done = repair_labels(before, wanted, topology, options)
            else:
                done = repair_classes(softmax_of(softmax, before), wanted, topology, options)
            array, classes = _relabelled(image, reading, before, done), done.classes
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    stored = read_image(source)
    if image.channel_axis is not None:
        array = np.moveaxis(array, 0, image.channel_axis)
    if stored.values == "colour" and array.ndim < stored.array.ndim:
        # grey values in channels of colour; an opacity stays as it is
        coloured = stored.array.copy()
        count = stored.channels_first().shape[0]
        coloured[..., :count] = array.reshape(stored.shape)[..., None]
        array = coloured
    target.parent.mkdir(parents=True, exist_ok=True)
    write_like(target, source, array.reshape(stored.array.shape).astype(stored.array.dtype))
    return _told(source, target, image, classes)


def _prior(priors: Priors, label: int) -> tuple[int, ...] | None:
    return priors.get(str(label), priors.get(None))


def _wanted(
    priors: Priors, labels: Sequence[int], options: Options | None
) -> dict[int, tuple[int, ...] | None]:
    free = options is not None and options.acts_without_prior
    return {
        label: _prior(priors, label)
        for label in labels
        if free or _prior(priors, label) is not None
    }


def _relabelled(
    image: Image, reading: Reading, before: NDArray[Any], done: Classes
) -> NDArray[Any]:
    changed = done.labels != before
    array = image.array.copy()
    value = done.labels.astype(np.int64)
    if reading.one is not None:
        value = np.where(value == 1, reading.one, value)
    array[changed] = value[changed].astype(array.dtype)
    return array


def _map(
    image: Image,
    reading: Reading,
    priors: Priors,
    topology: Topology,
    options: Options | None,
) -> tuple[NDArray[Any], Mapping[int, Repaired]]:
    cut = 0.5 if reading.terms.threshold is None else reading.terms.threshold
    array = image.array
    top = np.iinfo(array.dtype).max if are_parts(image, reading) else 1
    before = foreground(image, reading)
    values = array.astype(np.float64) / top
    # The threshold becomes 0.5; below and above it values keep their order.
    above = 0.5 + 0.5 * (values - cut) / max(1 - cut, np.finfo(np.float64).tiny)
    even = np.where(before, np.clip(above, 0.5, 1), np.minimum(0.5 * values / cut, 0.5 - 1e-6))
    one = repair(even.astype(np.float32), _prior(priors, 1), topology, options)
    changed = one.mask != before
    inside = np.minimum(cut + _BEYOND, 1.0) * top
    outside = np.maximum(cut - _BEYOND, 0.0) * top
    if array.dtype.kind in "biu":
        inside, outside = np.ceil(inside), min(np.floor(outside), np.ceil(cut * top) - 1)
    after = array.copy()
    after[changed] = np.where(one.mask, inside, outside)[changed].astype(array.dtype)
    return after, {1: one}


def _softmax(
    image: Image,
    reading: Reading,
    priors: Priors,
    topology: Topology,
    options: Options | None,
) -> tuple[NDArray[Any], Mapping[int, Repaired]]:
    channels = image.channels_first()
    if reading.terms.threshold is not None:
        raise UserError("--threshold is for maps of one class; of channels the largest decides")
    if not reading.background:
        raise UserError("holds channels of 0 and 1; store them as one label map to repair them")
    wanted = _wanted(priors, sorted(reading.labels), options)
    done = repair_classes(channels, wanted, topology, options)
    before = channels.argmax(axis=0)
    changed = done.labels != before
    flipped = channels[:, changed].astype(np.float64)
    rows = np.arange(flipped.shape[1])
    flipped[done.labels[changed], rows] = flipped.max(axis=0) + _BEYOND
    after = channels.copy()
    after[:, changed] = (flipped / flipped.sum(axis=0)).astype(channels.dtype)
    return after, done.classes
