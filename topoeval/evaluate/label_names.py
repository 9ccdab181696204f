"""Names of labels, regions and the ignore label, as a file states them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from topoeval.errors import UserError
from topoeval.images.survey import MAX_LABEL

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
        If there is no such file, it is no JSON, or of another form.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: no JSON: {error}") from None
    labels = found.get("labels", found) if isinstance(found, dict) else None
    if not isinstance(labels, dict) or not labels:
        raise UserError(f'{path}: names no labels; for example {{"vessel": 1, "wall": [2, 3]}}')
    members: dict[str, tuple[int, ...]] = {}
    ignore = None
    for key, value in labels.items():
        name, numbers = _entry(path, key, value)
        if name == IGNORE:
            ignore = numbers[0]
        elif numbers != (0,):
            members[name] = numbers
    return LabelNames(members, ignore)


def _entry(path: Path, key: str, value: Any) -> tuple[str, tuple[int, ...]]:
    if key.isdigit() and isinstance(value, str):
        key, value = value, int(key)
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_LABEL:
            raise UserError(f"{path}: {key!r} is {value!r}, not a label or a list of labels")
    if not numbers or (len(numbers) > 1 and 0 in numbers):
        raise UserError(f"{path}: {key!r} is {value!r}; a region holds labels of 1 or more")
    if "," in key or "+" in key:
        raise UserError(f"{path}: the name {key!r} has a comma or a plus in it")
    return key, tuple(numbers)
