"""A method's results from elsewhere, as one checked file.

A bundle is a zip: ``manifest.json`` with the SHA-256 of every other file, ``submission.toml``, and
either ``predictions/`` (masks, which we score: *verified*) or ``scores.csv`` (numbers that were not
here can check: *unverified*). The two are never shown in one table. The same folder gives the same
bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import pandas as pd

from topoeval.csv_tables import read_csv
from topoeval.errors import UserError, nearest
from topoeval.evaluate import (
    Evaluation,
    evaluate,
    record,
)
from topoeval.images import image_files
from topoeval.images.image import one_line
from topoeval.images.survey import files_of
from topoeval.metrics.catalogue import every_column
from topoeval.records.files import parse_files_record, record_text
from topoeval.records.record import FilesRecord
from topoeval.results.about import About, parse_about, read_about
from topoeval.whole_file import write_bytes

SCHEMA = 1
MANIFEST, ABOUT, RECORD, SCORES = "manifest.json", "submission.toml", "record.json", "scores.csv"
PREDICTIONS = "predictions"
# Columns of scores.csv that are no scores.
_NAMES = ("case", "class", "seed")
# Unpacked, all files of a bundle together; `check` and ``--max-gib`` set another limit.
MAX_GIB = 4.0
# A zip has no business with dates: the same content is the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)

# What a file raises that claims to be a bundle: a broken or encrypted zip, places in it that are
# not there, other JSON or TOML.
_DAMAGED = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
)

Status = Literal["verified", "unverified"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a check of a bundle found.

    Parameters
    ----------
    about
        What the submission says of itself.
    status
        "verified" if its predictions were scored here, against the truth given; else "unverified".
    reason
        Why, as a sentence.
    scores
        A row per case and class of predictions, or the rows of ``scores.csv``; empty where
        predictions were not scored.
    sha256
        Of the bundle.
    """

    about: About
    status: Status
    reason: str
    scores: pd.DataFrame
    sha256: str


def pack(
    folder: Path | str,
    out: Path | str,
    truth: Path | str | None = None,
    environment: Mapping[str, Any] | None = None,
    jobs: int = 1,
) -> Path:
    """Make a bundle of a folder.

    Parameters
    ----------
    folder
        With ``submission.toml`` and either ``predictions/`` or ``scores.csv``.
    out
        The zip to write.
    truth
        Masks of the same names: predictions are scored and the record is put in, so that a check
        can tell whether it comes to the same numbers.
    environment
        On what they are scored, for the record.
    jobs
        Processes to score with.

    Raises
    ------
    UserError
        If the folder lacks something, or a file of it cannot be used.
    """
    folder, out = Path(folder), Path(out)
    about = read_about(folder / ABOUT)
    contents = {ABOUT: (folder / ABOUT).read_bytes()}
    predictions, scores = folder / PREDICTIONS, folder / SCORES
    if predictions.is_dir() == scores.is_file():
        raise UserError(f"{folder} needs either {PREDICTIONS}/ or {SCORES}, and not both")
    if scores.is_file():
        read_scores(scores.read_bytes(), scores)
        contents[SCORES] = scores.read_bytes()
    else:
        for path in image_files(predictions):
            if files_of(path) != [path]:
                raise UserError(f"{path}: a bundle holds one file per case; save it as .nii.gz")
            contents[f"{PREDICTIONS}/{path.name}"] = path.read_bytes()
        if truth is not None:
            found = _scored(predictions, Path(truth), about, jobs)
            document = record(found, environment or {}, wall_s=0.0)
            contents[RECORD] = record_text(document).encode()
    manifest = {
        "schema": SCHEMA,
        "about": asdict(about),
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in sorted(contents.items())
        },
    }
    contents[MANIFEST] = _json(manifest)
    with tempfile.SpooledTemporaryFile(max_size=1 << 26) as file:
        with zipfile.ZipFile(file, "w") as bundle:
            for name, data in sorted(contents.items()):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                bundle.writestr(info, data)
        file.seek(0)
        write_bytes(out, file.read())
    return out


def check(
    bundle: Path | str,
    truth: Path | str | None = None,
    jobs: int = 1,
    max_gib: float = MAX_GIB,
) -> Verdict:
    """Check a bundle: every file is the one that was packed, and its scores are those it shows.

    Parameters
    ----------
    bundle
        What `pack` made.
    truth
        Masks to score its predictions against; without it nothing can be verified.
    jobs
        Processes to score with.
    max_gib
        Limit for the size of its files together, unpacked, in GiB. It is compared with what is
        really unpacked and not only with what the bundle says of itself.

    Raises
    ------
    UserError
        If a file is damaged, was changed, is missing, is not listed or is too large; if its
        predictions do not have the scores of its record; or if the predictions and the truth are
        not the same cases.
    """
    bundle = Path(bundle)
    if not bundle.is_file():
        raise UserError(f"no bundle {bundle}; topoeval submit FOLDER makes one")
    contents = _unpacked(bundle, int(max_gib * 2**30))
    about = parse_about(tomllib.loads(contents[ABOUT].decode()), bundle)
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    if SCORES in contents:
        scores = read_scores(contents[SCORES], bundle)
        return Verdict(about, "unverified", "it holds numbers and no predictions", scores, digest)
    if truth is None:
        reason = "its predictions were not scored here; name the truth by --truth"
        return Verdict(about, "unverified", reason, pd.DataFrame(), digest)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in contents.items():
            if name.startswith(f"{PREDICTIONS}/"):
                path = Path(folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
        found = _scored(Path(folder, PREDICTIONS), Path(truth), about, jobs)
        scored = {
            f"{PREDICTIONS}/{p.prediction.name}" for p in found.pairs.values() if p.prediction
        }
        unscored = [n for n in contents if n.startswith(f"{PREDICTIONS}/") and n not in scored]
        if unscored:
            raise UserError(f"{bundle}: {min(unscored)} is no prediction that was scored")
    reason = f"its {len(found.pairs)} predictions were scored here"
    if RECORD in contents:
        try:
            document = parse_files_record(contents[RECORD])
        except ValueError as error:
            words = " ".join(str(error).split())
            raise UserError(f"{bundle}: its {RECORD} is no record: {words}") from None
        _compare(document, found, bundle)
        reason += ", with the scores of its record"
    return Verdict(about, "verified", reason, found.cases, digest)


def read_scores(data: bytes, where: Path) -> pd.DataFrame:
    """Read ``scores.csv``: ``case``, ``class`` and ``seed`` where there are such, and scores.

    Raises
    ------
    UserError
        If it is no table, holds an unknown column, or a value that is no number or out of range.
    """
    try:
        table = read_csv(data, ("case", "class"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: {SCORES} is no table: {error}") from None
    known = every_column()
    named = [name for name in table.columns if name not in _NAMES]
    for name in named:
        if name not in known:
            raise UserError(f"{where}: {SCORES} has a column {name!r}{nearest(name, known)}")
        low, high = known[name].range
        values = pd.to_numeric(table[name], errors="coerce")
        most = np.inf if high is None else high
        bad = ~np.isfinite(values) | (values < low) | (values > most)
        if bad.any():
            value = table[name][bad].iloc[0]
            span = f"{low:g} to {'∞' if high is None else f'{high:g}'}"
            raise UserError(f"{where}: {SCORES} has {name} = {value}, and its range is {span}")
    if not named or table.empty:
        raise UserError(f"{where}: {SCORES} has no scores; columns are those of docs/metrics.md")
    keys = [name for name in _NAMES if name in table.columns]
    if "case" in keys and (twice := table.duplicated(keys)).any():
        first = ", ".join(f"{key} = {table[key][twice].iloc[0]}" for key in keys)
        raise UserError(f"{where}: {SCORES} has a row twice: {first}")
    return table


def _scored(predictions: Path, truth: Path, about: About, jobs: int) -> Evaluation:
    found = evaluate(predictions, truth, about.options, jobs)
    if found.problems:
        raise UserError(
            f"{len(found.problems)} files cannot be scored, the first: {found.problems[0].message}"
        )
    return found


def _unpacked(bundle: Path, most: int) -> dict[str, bytes]:
    """Return the files of a bundle, each what the manifest says, of `most` bytes together."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            names = archive.namelist()
            _check_size(bundle, archive, most)
            if MANIFEST not in names:
                raise UserError(f"{bundle} has no {MANIFEST}; topoeval submit makes bundles")
            manifest = json.loads(archive.read(MANIFEST))
            if manifest.get("schema") != SCHEMA:
                raise UserError(
                    f"{bundle} has schema {manifest.get('schema')!r}, this topoeval reads {SCHEMA}"
                )
            listed: Mapping[str, Mapping[str, Any]] = manifest["files"]
            for name in (*names, *listed):
                if not _plain(name):
                    raise UserError(f"{bundle} names a file {name!r} that no bundle has")
            if sorted(names) != sorted([MANIFEST, *listed]):
                odd = sorted(set(names) ^ {MANIFEST, *listed})
                raise UserError(f"{bundle} and its manifest differ in {', '.join(odd) or 'names'}")
            contents = {}
            for name, stated in listed.items():
                # Looked at before it is unpacked: a small zip may hold a very large file.
                if archive.getinfo(name).file_size != stated["bytes"]:
                    raise UserError(f"{bundle}: {name} is not of the size that its manifest says")
                contents[name] = archive.read(name)
                if hashlib.sha256(contents[name]).hexdigest() != stated["sha256"]:
                    raise UserError(f"{bundle}: {name} is not the file that was packed")
            if ABOUT not in contents:
                raise UserError(f"{bundle} lacks {ABOUT}")
            about = asdict(parse_about(tomllib.loads(contents[ABOUT].decode()), bundle))
            if manifest.get("about") != json.loads(json.dumps(about)):
                raise UserError(f"{bundle}: its manifest and {ABOUT} disagree")
    except _DAMAGED as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{bundle} is no bundle of topoeval submit, or damaged: {one_line(error)}"
        ) from None
    return contents


def _check_size(bundle: Path, archive: zipfile.ZipFile, most: int) -> None:
    """Refuse a zip that names a file twice, or that unpacks to more than `most` bytes.

    `zipfile` never returns more of a file than its entry in the directory says, so the sum of the
    entries is the limit of what `ZipFile.read` can bring into memory.
    """
    names = archive.namelist()
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{bundle} holds {name} twice")
    total = sum(info.file_size for info in archive.infolist())
    if total > most:
        raise UserError(
            f"{bundle} unpacks to {total / 2**30:.3g} GiB, and {most / 2**30:.3g} GiB is the "
            "limit; --max-gib sets another one"
        )


def _plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if "\\" in name or name != "/".join(parts) or ".." in parts:
        return False
    return name in (MANIFEST, ABOUT, RECORD, SCORES) or (
        len(parts) == 2 and parts[0] == PREDICTIONS
    )


def _compare(document: FilesRecord, found: Evaluation, bundle: Path) -> None:
    """Refuse a record whose scores are not those of the predictions beside it."""
    targets = {name: pair["target"] for name, pair in found.hashes.items()}
    recorded = {name: pair.get("target") for name, pair in document.spec.inputs.items()}
    if recorded != targets:
        raise UserError(f"{bundle} was scored against another truth than the one given")
    cases = found.cases
    claimed = pd.DataFrame(document.cases).reindex(columns=cases.columns)
    same = len(claimed) == len(cases) and all(
        _equal(claimed[name], cases[name]) for name in cases.columns
    )
    if not same:
        raise UserError(f"{bundle}: its predictions do not have the scores of its {RECORD}")


def _equal(claimed: pd.Series, found: pd.Series) -> bool:
    if found.dtype == object or isinstance(found.dtype, pd.StringDtype):
        return claimed.astype(str).tolist() == found.astype(str).tolist()
    numbers = pd.to_numeric(claimed, errors="coerce").astype(float)
    return bool(np.allclose(numbers, found.astype(float), rtol=1e-6, atol=1e-9, equal_nan=True))


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, allow_nan=False, indent=1) + "\n").encode()
