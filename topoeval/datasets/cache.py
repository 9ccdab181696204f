"""Drawn samples on disk, so that they are drawn once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from topoeval.archives import read_archive, write_archive
from topoeval.datasets.measured import as_betti
from topoeval.datasets.sample import Sample

VARIABLE = "TOPOEVAL_CACHE"


class CacheWarning(UserWarning):
    """Drawn samples cannot be kept."""


def cache_folder() -> Path | None:
    """Return the folder of the cache, or None where there is to be none.

    The environment variable TOPOEVAL_CACHE names it; empty means no cache. Without the variable it
    is ``topoeval`` in the user's folder for caches; a user without a home has none.
    """
    named = os.environ.get(VARIABLE)
    try:
        if named is not None:
            return Path(named).expanduser() if named else None
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "topoeval"
    except RuntimeError:  # pathlib's, where there is no home
        return None


class Cache:
    """The samples of one dataset with one set of parameters.

    Its folder is named by what decides the content: the dataset's name and revision and the
    parameters. A sample is one file, written under another name and then renamed, so that processes
    may share a cache; it has a checksum, and a file that is damaged counts as absent.

    Parameters
    ----------
    root
        The cache of all datasets.
    name, revision
        Of the dataset.
    params
        All that decides a sample beside its case.
    """

    def __init__(self, root: Path, name: str, revision: str, params: Mapping[str, Any]) -> None:
        content = {"name": name, "revision": revision, "params": dict(params)}
        text = json.dumps(content, sort_keys=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.folder = root / "datasets" / name / self.key

    def read(self, case: str) -> Sample | None:
        """Return a sample, or None if it is not there."""
        try:
            content = io.BytesIO(read_archive(self._path(case)))
            with np.load(content, allow_pickle=False) as stored:
                return _unpacked(case, dict(stored))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # or DamagedFileError
            return None  # drawn anew, and written over

    def write(self, sample: Sample) -> None:
        """Keep a sample; where nothing can be written, warn and go on: it can be drawn again."""
        try:
            self._write(sample)
        except OSError as error:
            warnings.warn(
                f"the cache {self.folder} cannot be written ({error.strerror}); samples are drawn "
                f"anew each time; {VARIABLE} names another folder, or none if it is empty",
                CacheWarning,
                stacklevel=2,
            )

    def _write(self, sample: Sample) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez(content, **_packed(sample))
        write_archive(self._path(sample.case), content.getvalue())

    def _path(self, case: str) -> Path:
        return self.folder / f"{case}.npz"


def _packed(sample: Sample) -> dict[str, Any]:
    """Return a drawn sample as arrays; its targets are zeros and ones."""
    facts = {"prior": sample.prior, "betti": dict(sample.betti), "spacing": sample.spacing}
    arrays: dict[str, Any] = {
        "image": sample.image,
        "target": sample.target.astype(bool),
        "facts": np.array(json.dumps(facts)),
    }
    if sample.clean is not None:
        arrays["clean"] = sample.clean.astype(bool)
    return arrays


def _unpacked(case: str, arrays: Mapping[str, Any]) -> Sample:
    facts = json.loads(str(arrays["facts"]))
    return Sample(
        case=case,
        image=arrays["image"],
        target=arrays["target"].astype(np.float32),
        prior=as_betti(np.array(facts["prior"], ndmin=2)),
        betti={name: as_betti(np.array(b, ndmin=2)) for name, b in facts["betti"].items()},
        spacing=None if facts["spacing"] is None else tuple(facts["spacing"]),
        clean=arrays["clean"].astype(np.float32) if "clean" in arrays else None,
    )
