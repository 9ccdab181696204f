"""What the values of a set of files mean: decided once for all of them, and said in one line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image
from topoeval.images.survey import (
    FRACTIONAL,
    MOST_LABELS,
    NEARLY_WHOLE,
    Survey,
    Terms,
    check_numbers,
    read_mask,
)

WHITE = (255, 65535)
"""Values of which a set's only one is foreground: white of 8 and of 16 bits."""

_HALF = 0.5
# What 1 is stored as in types whose whole range is 0 to 1.
_WHOLE = {str(kind): int(np.iinfo(kind).max) for kind in FRACTIONAL}
# More labels than this are not all named in a line.
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """What the values of one side mean.

    Parameters
    ----------
    terms
        How somebody said that they are to be read.
    one
        The value that is read as label 1: 255 or 65535, where it is the only one of the set.
    fractions
        The values are probabilities, to be cut at the threshold.
    parts
        Of which types they are parts of their range: bytes, 16-bit integers.
    background
        The first channel of a softmax or one-hot file is background, label 0.
    labels
        The labels of all files as they are read, 0 left out.
    line
        The reading in words.
    """

    terms: Terms = field(default_factory=Terms)
    one: int | None = None
    fractions: bool = False
    parts: frozenset[str] = frozenset()
    background: bool = True
    labels: frozenset[int] = frozenset()
    line: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Labels of one case.

    Parameters
    ----------
    image
        Its array holds the labels: uint8, uint16 or uint32, ``(H, W)`` or ``(D, H, W)``, without
        axes of length one; 0 is background.
    """

    image: Image

    @property
    def array(self) -> NDArray[Any]:
        """The labels."""
        return self.image.array

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Size of a voxel along each axis, None where the file states none."""
        return self.image.spacing


def decide(surveys: Sequence[Survey], terms: Terms, ignore: Collection[int] = ()) -> Reading:
    """Decide what the values of a set of files mean.

    Parameters
    ----------
    surveys
        Of every file of one side.
    terms
        Those that the files were surveyed under.
    ignore
        Labels that mark voxels to leave out; they do not count as values.

    Raises
    ------
    UserError
        If files of the set hold different kinds of values, or none a label that is to be another.
    """
    found = _decided(surveys, terms, ignore)
    if terms.relabelling is None or not surveys:
        return found
    line = f"{found.line}; {terms.relabelling.line(found.labels)}"
    labels = frozenset(terms.relabelling.of(label) for label in found.labels) - {0}
    return replace(found, labels=labels, line=line)


def _decided(surveys: Sequence[Survey], terms: Terms, ignore: Collection[int]) -> Reading:
    with_channels = [one for one in surveys if one.channels]
    plain = [one for one in surveys if not one.channels]
    if with_channels and plain:
        raise UserError(
            f"{with_channels[0].file} holds {with_channels[0].channels} channels, "
            f"{plain[0].file} a label map; evaluate them apart"
        )
    notes = sorted({one.note for one in surveys if one.note})
    if with_channels:
        return _of_channels(with_channels, terms, notes)
    fractions = [one for one in plain if one.kind == "fractions"]
    if fractions:
        parts = frozenset({one.dtype for one in fractions} & {str(kind) for kind in FRACTIONAL})
        dark = [one for one in plain if one.kind == "labels" and one.labels and one.dtype in parts]
        if dark:
            notes = [_dark(dark), *notes]
        line = "; ".join([_fractions(fractions, terms), *notes])
        return Reading(terms, fractions=True, parts=parts, labels=frozenset({1}), line=line)
    values = frozenset[int]().union(*(one.labels for one in plain))
    seen = values - set(ignore)
    one = None
    if terms.relabelling is None:
        _check_one_writing(plain, seen, ignore)
        one = next((white for white in WHITE if seen == {white}), None)
    zero = {0} if any(one.background for one in plain) or not values else set()
    line = f"labels {_listed(values | zero)}"
    if one is not None:
        line = f"0 and {one}, {one} is read as 1"
        values = (values - {one}) | {1}
    return Reading(terms, one=one, labels=values, line="; ".join([line, *notes]))


def _check_one_writing(
    surveys: Sequence[Survey], seen: Collection[int], ignore: Collection[int]
) -> None:
    """Refuse a set in which some files write a mask as 0 and 1 and others as 0 and 255.

    Each file alone is clear; read together, the one foreground would become two classes.
    """
    if len(seen) < 2 or not set(seen) <= {1, *WHITE}:
        return
    held = {one.file: set(one.labels) - set(ignore) for one in surveys}
    if any(len(labels) > 1 for labels in held.values()):
        return
    first, second, *_ = sorted(seen)
    files = [
        next(file for file, labels in held.items() if one in labels) for one in (first, second)
    ]
    raise UserError(
        f"{files[0]} holds 0 and {first}, {files[1]} 0 and {second}, and no file both: one mask "
        f"written in two ways, or a label to ignore? Store them alike, or say --ignore {second}"
    )


def none_reaches(surveys: Sequence[Survey], reading: Reading) -> str:
    """Return a line where no value of a set reaches the threshold it is cut at; else nothing.

    Parameters
    ----------
    surveys
        Of every file of one side.
    reading
        What `decide` found of them.
    """
    cut = reading.terms.threshold
    of_channels = any(one.channels for one in surveys)
    if not surveys or not (reading.fractions or (of_channels and cut is not None)):
        return ""
    cut = _HALF if cut is None else cut
    whole = {one.file: _WHOLE[one.dtype] if one.dtype in reading.parts else 1 for one in surveys}
    for one in surveys:
        largest = np.array([one.largest]).astype(one.dtype)
        if _foreground(largest, cut, whole[one.file] > 1).any():
            return ""
    most = max(surveys, key=lambda one: one.largest / whole[one.file])
    unit = whole[most.file]
    told = f"{most.largest:g}"
    if unit > 1:
        told += f", read as {most.largest:g}/{unit} = {most.largest / unit:.3g}"
    line = f"no value reaches the threshold {cut:g}, so every mask is empty: the largest is {told}"
    if unit > 1 and most.largest <= MOST_LABELS:
        line += "; these look like labels and not like probabilities, then say no --threshold"
    return line


def read_labels(path: Path, reading: Reading | None = None) -> LabelMap:
    """Read a mask or label map.

    Parameters
    ----------
    path
        An image file as `topoeval.images.read_image` takes it.
    reading
        What its values mean, as `decide` found it for the set; by default labels as they are.

    Raises
    ------
    UserError
        If the file cannot be read or holds something else; the message names file and remedy.
    """
    reading = reading or Reading()
    image = _labels_as_stored(path, reading)
    if reading.terms.relabelling is not None:
        image = replace(image, array=reading.terms.relabelling.applied(image.array))
    return LabelMap(image)


def _labels_as_stored(path: Path, reading: Reading) -> Image:
    terms = reading.terms
    image = read_mask(path, terms)
    check_numbers(image.array, path)
    if image.channel_axis is not None:
        return replace(image, array=_classes(image, reading), channel_axis=None)
    array = image.array
    if reading.fractions or image.lossy:
        return replace(image, array=foreground(image, reading).astype(np.uint8))
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if (np.abs(array - whole) > NEARLY_WHOLE).any():
            raise UserError(f"{path}: holds probabilities and not labels")
        array = whole.astype(np.int64)
    if reading.one is not None:
        array = np.where(array == reading.one, 1, array)
    return replace(image, array=array.astype(np.min_scalar_type(int(array.max()))))


def foreground(image: Image, reading: Reading) -> NDArray[np.bool_]:
    """Return where the probabilities of a file are at least the threshold, 0.5 by default."""
    cut = _HALF if reading.terms.threshold is None else reading.terms.threshold
    return _foreground(image.array, cut, are_parts(image, reading))


def are_parts(image: Image, reading: Reading) -> bool:
    """Whether the values of a map are parts of the range of their type, as 255ths."""
    return image.lossy or str(image.array.dtype) in reading.parts


def _foreground(array: NDArray[Any], threshold: float, parts: bool) -> NDArray[np.bool_]:
    """Return where a probability is at least the threshold; bytes may be parts of their range."""
    if parts and array.dtype in FRACTIONAL:
        return np.asarray(array >= threshold * np.iinfo(array.dtype).max)
    return np.asarray(array >= threshold)


def _classes(image: Image, reading: Reading) -> NDArray[Any]:
    channels = image.channels_first()
    if reading.terms.threshold is not None:
        return (channels[1] >= reading.terms.threshold).astype(np.uint8)
    best = channels.argmax(axis=0)
    if not reading.background:
        best = np.where(channels.any(axis=0), best + 1, 0)
    return best.astype(np.min_scalar_type(len(channels)))


def _of_channels(surveys: Sequence[Survey], terms: Terms, notes: Sequence[str]) -> Reading:
    first = surveys[0]
    for other in surveys:
        if other.channels != first.channels:
            raise UserError(
                f"{other.file} holds {other.channels} channels, {first.file} {first.channels}"
            )
    count = first.channels
    if terms.threshold is not None:
        if count != 2:
            raise UserError(
                f"--threshold fits one class, and {first.file} holds {count} channels; without it "
                "the largest channel is taken"
            )
        line = f"channel 1 of 2, foreground from {terms.threshold:g} on"
        return Reading(terms, labels=frozenset({1}), line="; ".join([line, *notes]))
    background = all(one.kind == "softmax" for one in surveys)
    labels = frozenset(range(1, count + (not background)))
    if background:
        line = f"{count} channels that sum to 1, the largest is the label, channel 0 is background"
    else:
        line = f"{count} channels of 0 and 1, channel 0 is label 1, where none is set background"
    return Reading(terms, background=background, labels=labels, line="; ".join([line, *notes]))


def _fractions(surveys: Sequence[Survey], terms: Terms) -> str:
    units = {"uint8": "255ths", "uint16": "65535ths"}
    kinds = sorted({units.get(one.dtype, "0 to 1") for one in surveys})
    cut = _HALF if terms.threshold is None else terms.threshold
    return f"probabilities ({', '.join(kinds)}), foreground from {cut:g} on"


def _dark(surveys: Sequence[Survey]) -> str:
    """Say of maps that are dark everywhere that they could be masks."""
    files = f"{len(surveys)} files hold" if len(surveys) > 1 else "one file holds"
    part = "1/255" if surveys[0].dtype == "uint8" else "1/65535"
    return (
        f"{files} only 0 and 1, and 1 is read as {part}, for example {surveys[0].file.name} "
        "(a mask among probabilities is stored with its largest value)"
    )


def _listed(labels: Collection[int]) -> str:
    shown = sorted(labels)
    if len(shown) <= _NAMED:
        return ", ".join(map(str, shown))
    return f"{', '.join(map(str, shown[:_NAMED]))} ... {shown[-1]} ({len(shown)} of them)"
