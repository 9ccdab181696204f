"""Names of labels, regions and the ignore label, as a file states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from topoeval.errors import UserError
from topoeval.evaluate.summary import MEAN
from topoeval.images.survey import MAX_LABEL
from topoeval.json_files import read_json_file
from topoeval.metrics.classes import MERGED

IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class LabelNames:
    """What labels are called.

    Parameters
    ----------
    members
        The labels of each class; several make it a region. Without background.
    ignore
        The label of voxels that are to be left out, None if there is none.
    """

    members: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ignore: int | None = None


def read_label_names(path: Path) -> LabelNames:
    """Read names from JSON.

    ``{"vessel": 1, "wall": [2, 3]}``, ``{"1": "vessel", "2": "wall"}``, or the ``dataset.json`` of
    nnU-Net, whose ``labels`` have the first form. Label 0 is background and no class; ``ignore``
    names the ignore label.

    Raises
    ------
    UserError
        If there is no such file, it is no JSON, or of another form; if it says two things of one
        name, or a name means something else already.
    """
    found = read_json_file(path)
    labels = found.get("labels", found) if isinstance(found, dict) else None
    if not isinstance(labels, dict) or not labels:
        raise UserError(f'{path}: names no labels; for example {{"vessel": 1, "wall": [2, 3]}}')
    members: dict[str, tuple[int, ...]] = {}
    ignore = None
    names: set[str] = set()
    for key, value in labels.items():
        name, numbers = _entry(path, key, value)
        if name in names:
            raise UserError(
                f"{path}: {name!r} names two labels; one that is several is written "
                f'{{"{name}": [1, 2]}}'
            )
        names.add(name)
        if name == IGNORE:
            if len(numbers) > 1:
                raise UserError(f"{path}: {name!r} is {value!r}; it is one label")
            ignore = numbers[0]
        elif numbers != (0,):
            members[name] = numbers
    for name, numbers in members.items():
        if ignore in numbers:
            raise UserError(
                f"{path}: label {ignore} is {name!r} and {IGNORE!r}, a class or left out; name it "
                "once"
            )
    return LabelNames(members, ignore)


def check_ignored(ignore: int | None, names: LabelNames | None) -> None:
    """Refuse an ignore label that is none, or another than that of a file of names.

    Raises
    ------
    UserError
        If it is negative or too large, or the file names another.
    """
    if ignore is None:
        return
    if not 0 <= ignore <= MAX_LABEL:
        raise UserError(
            f"--ignore {ignore} is no label; labels are whole numbers, 0 to {MAX_LABEL}"
        )
    if names is not None and names.ignore not in (None, ignore):
        raise UserError(
            f"--ignore {ignore}, but the file of labels has {IGNORE!r} as {names.ignore}; leave "
            "--ignore out, or change the file"
        )


def _entry(path: Path, key: str, value: Any) -> tuple[str, tuple[int, ...]]:
    if key.isdecimal() and isinstance(value, str):
        key, value = value, int(key)
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_LABEL:
            raise UserError(f"{path}: {key!r} is {value!r}, not a label or a list of labels")
    if not numbers or (len(numbers) > 1 and 0 in numbers):
        raise UserError(f"{path}: {key!r} is {value!r}; a region holds labels of 1 or more")
    if "," in key or "+" in key:
        raise UserError(f"{path}: the name {key!r} has a comma or a plus in it")
    _check_meaning(path, key.strip(), tuple(numbers))
    return key, tuple(numbers)


def _check_meaning(path: Path, name: str, numbers: tuple[int, ...]) -> None:
    """Refuse a name that stands for something else in ``--classes`` or in tables."""
    meanings = {MERGED: "whatever is not background", MEAN: "the mean in tables"}
    if name in meanings:
        raise UserError(f"{path}: the name {name!r} means {meanings[name]}; call the class another")
    if name.isdecimal() and numbers != (int(name),):
        held = ", ".join(map(str, numbers))
        raise UserError(
            f"{path}: the name {name!r} is label {int(name)} elsewhere, and here it names {held}; "
            "call the class by a word"
        )
