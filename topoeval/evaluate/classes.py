"""Which classes are scored, and the prior of each."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError, nearest
from topoeval.evaluate.label_names import LabelNames
from topoeval.images.reading import WHITE
from topoeval.metrics import pairwise_unions
from topoeval.metrics.classes import MERGED

FOREGROUND = "foreground"
# More labels than this in a whole set, and nobody named them: objects and not classes.
MOST_CLASSES = 256
_RANGE = re.compile(r"(\d+)-(\d+)")
Priors = Mapping[str | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of an evaluation.

    Parameters
    ----------
    names
        Labels or their names, unions (``"1+2"``), ``"merged"``; or ``"foreground"`` alone.
    members
        The labels of each class; None: whatever is not 0.
    priors
        Betti numbers by class; under None those of every class without its own.
    averaged
        The classes that make up a mean over classes: neither ``"merged"`` nor added unions.
    """

    names: tuple[str, ...]
    members: Mapping[str, tuple[int, ...] | None]
    priors: Priors = field(default_factory=dict)
    averaged: tuple[str, ...] = ()

    def mask(self, labels: NDArray[Any], name: str) -> NDArray[np.bool_]:
        """Return the mask of a class of a label map."""
        members = self.members[name]
        if members is None:
            return np.asarray(labels != 0)
        # not numpy.isin for the usual case, which takes ten times as long
        if len(members) == 1:
            return np.asarray(labels == members[0])
        return np.isin(labels, members)

    def prior(self, name: str) -> tuple[int, ...] | None:
        """Return the prior of a class, if it has one."""
        return self.priors.get(name, self.priors.get(None))


def parse_classes(text: str) -> tuple[str, ...]:
    """Read ``"1,2,1+2,merged"``; ranges and names as they are.

    >>> parse_classes("1-40, vessel+wall")
    ('1-40', 'vessel+wall')

    Raises
    ------
    UserError
        If no class is named, or background is.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UserError(f"no class named in {text!r}; for example 1,2,1-40,1+2,merged")
    for name in names:
        if "0" in (name, *name.split("+")):
            raise UserError(
                f"class {name!r} is neither a label of 1 or more, a range like 1-40, a union like "
                f"1+2, a name of --labels, nor {MERGED!r}"
            )
    return names


def parse_priors(texts: Iterable[str]) -> dict[str | None, tuple[int, ...]]:
    """Read ``"1,1"`` for every class, or ``"2:1,1"`` for class 2.

    >>> parse_priors(["1,0", "1+2:1,1"])
    {None: (1, 0), '1+2': (1, 1)}

    Raises
    ------
    UserError
        If one is of another form, or two of one class differ.
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
        key = name if colon else None
        if priors.setdefault(key, prior) != prior:
            raise _said_twice("prior", key, priors[key], prior)
    return priors


def parse_tolerances(texts: Iterable[str]) -> tuple[float | None, dict[str, float]]:
    """Read ``"2"`` for every class, or ``"1+2:0.5"`` for one.

    >>> parse_tolerances(["2", "vessel:0.5"])
    (2.0, {'vessel': 0.5})

    Raises
    ------
    UserError
        If one is no distance of 0 or more, or two of one class differ.
    """
    general: float | None = None
    by_class: dict[str, float] = {}
    for text in texts:
        name, colon, number = text.rpartition(":")
        try:
            tolerance = float(number)
        except ValueError:
            tolerance = -1.0
        if not 0 <= tolerance < math.inf:
            raise UserError(
                f"--tolerance {text!r} is not of the form 2 or CLASS:2, a distance of at least 0"
            )
        before = by_class.get(name) if colon else general
        if before not in (None, tolerance):
            raise _said_twice("--tolerance", name if colon else None, before, tolerance)
        if colon:
            by_class[name] = tolerance
        else:
            general = tolerance
    return general, by_class


def _said_twice(what: str, name: str | None, first: Any, second: Any) -> UserError:
    of = "every class" if name is None else f"class {name!r}"
    values = [
        ",".join(map(str, one)) if isinstance(one, tuple) else f"{one:g}" for one in (first, second)
    ]
    return UserError(f"{what} of {of} is said twice, {values[0]} and {values[1]}; keep one")


def choose_classes(
    found: Collection[int],
    named: tuple[str, ...] | None,
    unions: bool,
    priors: Priors,
    labels: LabelNames | None = None,
) -> Classes:
    """Decide on the classes from the labels that the files hold.

    Named classes win, then those that a file of names declares. Otherwise files that hold a single
    label between them are masks; else every label is a class, and all of them merged one more.

    Parameters
    ----------
    found
        The labels of all files, predictions and targets, as they are read; the ignore label aside.
    named
        As `parse_classes` gives them.
    unions
        Add every union of two single labels.
    priors
        Betti numbers by class.
    labels
        Names of labels and regions.

    Raises
    ------
    UserError
        If a named class holds no label that occurs, or a prior belongs to none of the classes.
    """
    declared = {} if labels is None else dict(labels.members)
    members: dict[str, tuple[int, ...] | None] = {}
    if named is not None:
        for name in named:
            members |= _named(name, found, declared)
    elif declared:
        members |= declared
    elif len(found) <= 1:
        members[FOREGROUND] = None
    elif len(found) > MOST_CLASSES:
        raise UserError(
            f"the files hold {len(found)} different labels, {min(found)} to {max(found)}: objects "
            "and not classes; name the classes by --classes, or merged for all of them together"
        )
    else:
        members |= {str(label): (label,) for label in sorted(found)}
        members[MERGED] = None
    averaged = tuple(name for name in members if name != MERGED)
    if unions:
        singles = [name for name, of in members.items() if of is not None and len(of) == 1]
        numbers = {name: members[name] for name in singles}
        for union in pairwise_unions(range(len(singles))):
            parts = [singles[int(place)] for place in union.split("+")]
            joined = sorted({label for part in parts for label in numbers[part] or ()})
            members.setdefault("+".join(parts), tuple(joined))
    for prior in priors:
        if prior is not None and prior not in members:
            raise UserError(f"prior for class {prior!r}, but the classes are {', '.join(members)}")
    return Classes(tuple(members), members, priors, averaged)


def only_ignored(left: Collection[int], ignored: int | None, one: int | None) -> str:
    """Return a line about a truth that holds no label but the one to leave out.

    Raises
    ------
    UserError
        If the predictions hold no other label either, so that nothing is left to be scored; or if
        theirs is the same one and is read as label 1 (`one`), so that the two are masks alike.
    """
    if one is not None and one == ignored:
        raise UserError(
            f"the ignore label {ignored} is the only label of the truth, and of predictions, where "
            f"it is read as 1; if {ignored} is foreground leave --ignore out, else save "
            "predictions as 0 and 1"
        )
    if not left:
        raise UserError(
            f"the ignore label {ignored} is the only label of the files, so nothing is left to be "
            "scored; leave --ignore out, or name the label that marks voxels to leave out"
        )
    return (
        f"the truth holds no label but {ignored}, which is left out; if that is its foreground, "
        "say no --ignore"
    )


def notes_on_ignored(
    labels: Collection[int], ignored: int | None, held: bool, named: bool, files: str, done: str
) -> list[str]:
    """Return a line about an ignore label that is nowhere, and one about 255 that may mark them.

    Parameters
    ----------
    labels
        Those that become classes.
    ignored
        The label to leave out, None if none was named.
    held
        Whether a file holds it.
    named
        Somebody named the classes, so that 255 is one if they say so.
    files
        What may hold the ignore label, in a word: truth, file.
    done
        What happens to a class: scored, looked at.
    """
    notes = []
    if ignored is not None and not held:
        notes.append(f"no {files} holds the ignore label {ignored}, so no voxel is left out")
    if (ignored is None or not held) and not named:
        notes += [
            f"{white} is {done} as a class; if it marks voxels to leave out, say --ignore {white}"
            for white in WHITE
            if {white} < set(labels)
        ]
    return notes


def _named(
    name: str, found: Collection[int], declared: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...] | None]:
    """Return the class or, of a range, the classes that a name stands for."""
    if name == MERGED:
        return {name: None}
    if name in declared:
        return {name: declared[name]}
    span = _RANGE.fullmatch(name)
    if span:
        low, high = int(span[1]), int(span[2])
        held = [label for label in sorted(found) if max(low, 1) <= label <= high]
        if not held:
            raise UserError(f"no file holds a label of {name}; {_there_are(found)}")
        return {str(label): (label,) for label in held}
    numbers: list[int] = []
    known = True
    for part in name.split("+"):
        if part in declared:
            numbers += declared[part]
        elif part.isdigit():
            numbers.append(int(part))
            known = False
        else:
            among = nearest(part, declared) if declared else "; --labels FILE.json names labels"
            raise UserError(f"unknown class {part!r}{among}")
    if not known and not set(numbers) & set(found):
        raise UserError(f"no file holds a label of class {name!r}; {_there_are(found)}")
    return {name: tuple(sorted(set(numbers)))}


def _there_are(found: Collection[int]) -> str:
    shown = ", ".join(map(str, sorted(found)[:20])) or "none but 0"
    return f"the labels there are: {shown}{' ...' if len(found) > 20 else ''}"
