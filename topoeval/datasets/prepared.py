"""Data sets written out once: one file an image, and a list of them with checksums."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from topoeval.checksums import opened, sealed
from topoeval.datasets.files import Case, Picture, content
from topoeval.datasets.measured import as_betti
from topoeval.errors import UserError

MANIFEST = "manifest.json"
FORMAT = 2
_SEALED_FROM = 2


def is_prepared(folder: Path) -> bool:
    """Whether a folder was written by `prepare`."""
    return (folder / MANIFEST).is_file()


def prepare(
    cases: Sequence[Case], name: str, options: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Read all cases and write them into a folder that comes into being whole or not at all.

    Parameters
    ----------
    cases
        Of the data set as published.
    name, options
        The data set, and the adapter's parameters that decide what was read.
    folder
        Must not exist yet, or be an older prepared copy, which is replaced.

    Returns
    -------
    The manifest.

    Raises
    ------
    UserError
        If the folder holds something else, or an image cannot be read.
    """
    if folder.exists() and not is_prepared(folder) and any(folder.iterdir()):
        raise UserError(f"{folder} holds other files; name an empty folder or a new one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        listed = [_written(case, fresh, f"{k:05d}.npz") for k, case in enumerate(cases)]
        manifest = {
            "format": FORMAT,
            "dataset": name,
            "options": dict(options),
            "content": content(cases),
            "cases": listed,
        }
        text = json.dumps(sealed(manifest), indent=1)
        (fresh / MANIFEST).write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def prepared_cases(folder: Path, name: str, options: Mapping[str, Any]) -> list[Case]:
    """Return the cases of a prepared folder.

    Raises
    ------
    UserError
        If it holds another data set, or was prepared with other options.
    """
    manifest = _manifest(folder, name, options)
    return [
        Case(
            name=entry["name"],
            part=entry["part"],
            subject=entry["subject"],
            read=partial(_read, folder / entry["file"], entry["sha256"], entry["prior"]),
        )
        for entry in manifest["cases"]
    ]


def prepared_content(folder: Path, name: str, options: Mapping[str, Any]) -> str:
    """Return the name of a prepared folder's content, as it was when it was prepared."""
    return str(_manifest(folder, name, options)["content"])


def _manifest(folder: Path, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = opened(
            json.loads(path.read_text(encoding="utf-8")), _SEALED_FROM, FORMAT, version="format"
        )
        made_for, made_with = manifest["dataset"], manifest["options"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); prepare the data again") from None
    if made_for != name:
        raise UserError(f"{folder} holds the dataset {made_for!r}, not {name!r}")
    for option, value in options.items():
        if made_with.get(option) != value:
            raise UserError(
                f"{folder} was prepared with {option}={made_with.get(option)!r}, not {value!r}; "
                "prepare the data again"
            )
    return manifest


def _written(case: Case, folder: Path, file: str) -> dict[str, Any]:
    """Write one case; return its entry in the manifest."""
    picture = case.read()
    arrays: dict[str, Any] = {"image": picture.image, "label": picture.label}
    if picture.spacing is not None:
        arrays["spacing"] = np.array(picture.spacing)
    if picture.clean is not None:
        arrays["clean"] = picture.clean
    if picture.ignored is not None:
        arrays["ignored"] = picture.ignored
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    data = buffer.getvalue()
    (folder / file).write_bytes(data)
    return {
        "name": case.name,
        "part": case.part,
        "subject": case.subject,
        "prior": picture.prior,
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _read(path: Path, sha256: str, prior: list[Any] | None) -> Picture:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; prepare the data again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{path} has been changed since it was prepared; prepare the data again")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        spacing = arrays["spacing"].tolist() if "spacing" in arrays else None
        return Picture(
            image=arrays["image"],
            label=arrays["label"],
            spacing=None if spacing is None else tuple(spacing),
            prior=None if prior is None else as_betti(np.array(prior, ndmin=2)),
            clean=arrays.get("clean"),
            ignored=arrays.get("ignored"),
        )
