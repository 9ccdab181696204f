"""The predictions of a run on its tests, kept so that they can be scored by further metrics.

``work/ID/answers.npz`` holds for each test the masks that the metrics were given, a bit per voxel,
and the probabilities, float32 as they were scored, where a metric of the run needs them or the
suite says ``keep_answers = "maps"``. Targets are not kept; they come from the dataset again.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from topoeval.archives import DamagedFileError, read_archive, write_archive
from topoeval.errors import UserError
from topoeval.metrics.scores import THRESHOLD

LIMIT_MIB = 256
"""What the answers of one run may take before compression; larger ones are not kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a run predicted on one test.

    Parameters
    ----------
    cases
        Names of the cases.
    probabilities
        ``(B, C, *spatial)`` float32: as predicted, or 0 and 1 where only masks were kept.
    masks_only
        Whether only masks were kept.
    """

    cases: tuple[str, ...]
    probabilities: NDArray[np.float32]
    masks_only: bool


def keep(path: Path, answers: Mapping[str, Answer]) -> str:
    """Write the answers of a run; return why they were not kept, or an empty text.

    The file is whole or not there.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, answer in answers.items():
        masks = answer.probabilities >= THRESHOLD
        arrays[f"{name}/cases"] = np.array(answer.cases)
        arrays[f"{name}/shape"] = np.array(masks.shape)
        arrays[f"{name}/masks"] = np.packbits(masks)
        if not answer.masks_only:
            arrays[f"{name}/probabilities"] = answer.probabilities
    size = sum(array.nbytes for array in arrays.values()) / 2**20
    if size > LIMIT_MIB:
        return f"{size:.0f} MiB are more than the {LIMIT_MIB} MiB that a run may keep"
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    try:
        write_archive(path, content.getvalue())
    except OSError as error:
        return f"{path}: cannot be written ({error.strerror})"
    return ""


def read(path: Path) -> dict[str, Answer]:
    """Read the answers of a run, by test.

    Raises
    ------
    UserError
        There are none, or the file is damaged.
    """
    if not path.exists():
        raise UserError(
            "it kept no answers (keep_answers = false, an older topoeval, or work/ was removed); "
            "run it again"
        )
    try:
        content = io.BytesIO(read_archive(path, sealed=False))
        with np.load(content, allow_pickle=False) as arrays:
            names = dict.fromkeys(key.rpartition("/")[0] for key in arrays.files)
            return {name: _answer(arrays, name) for name in names}
    except DamagedFileError as error:
        raise UserError(f"{error}; run it again") from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged: {error}; run it again") from error


def keeps_maps(path: Path, name: str) -> bool:
    """Whether the file of a run has the probabilities of a test; nothing but its list is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{name}/probabilities.npy" in archive.namelist()
    except FileNotFoundError:
        return False
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged: {error}; run it again") from error


def _answer(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Answer:
    shape = tuple(int(side) for side in arrays[f"{name}/shape"])
    cases = tuple(str(case) for case in arrays[f"{name}/cases"])
    if (key := f"{name}/probabilities") in arrays:
        return Answer(cases, np.asarray(arrays[key], np.float32).reshape(shape), False)
    bits = np.unpackbits(np.asarray(arrays[f"{name}/masks"], np.uint8), count=int(np.prod(shape)))
    return Answer(cases, bits.reshape(shape).astype(np.float32), True)
