"""MNIST, split as in the seed paper: real handwriting, supplied by the user or downloaded."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.digit_task import DIGIT_AUXILIARY, DIGIT_LABELS, DIGIT_METRICS, TASK
from topoeval.datasets.download import fetch
from topoeval.datasets.randomness import stream
from topoeval.datasets.stored_digits import SIDE, StoredDigits
from topoeval.errors import UserError
from topoeval.topology import Topology

TOTAL = 60_000
POOL = 10_000
_TEST = 2_000
_SHARES: dict[Split, int] = {"val": 1_000, "train": 3_000, "unlabelled": 4_000}

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


@dataclass(frozen=True, slots=True)
class IdxFile:
    """A published file: its name, shape, and SHA-256 as packed and as unpacked."""

    name: str
    shape: tuple[int, ...]
    packed: str
    unpacked: str


IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (TOTAL, SIDE, SIDE),
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (TOTAL,),
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)


class Mnist(StoredDigits):
    """The MNIST training set: 10,000 digits to restore, 50,000 to train the judge.

    Of the first 10,000 images, 2,000 are ``test`` for every seed; the seed deals out the others.
    A case is named by its place in the published file and is damaged alike in every run.

    Parameters
    ----------
    split, size, seed
        See `topoeval.datasets.load`.
    root
        Folder with ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, packed (.gz) or
        not, or with a folder ``mnist`` that holds them; None takes the environment variable
        TOPOEVAL_DATA.
    download
        Whether to fetch missing files (10 MB) into that folder.
    lines
        Rows and columns of k-space that are lost.
    noise
        Standard deviation of Gaussian noise on the damaged image.

    Raises
    ------
    UserError
        If a parameter is out of range, or the files are missing or not the published ones.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="mnist",
        title="MNIST",
        task=TASK,
        ndim=2,
        channels=1,
        labels=DIGIT_LABELS,
        metrics=DIGIT_METRICS,
        auxiliary=DIGIT_AUXILIARY,
        sizes={"train": 100, "unlabelled": 400, "val": 100, "test": 500, "judge": 10_000},
        # Reading refuses other content, so the checksums name what every run has seen.
        revision=f"1-sha256:{IMAGES.unpacked[:16]}-{LABELS.unpacked[:16]}",
        licence="none stated with the data; commonly cited as CC BY-SA 3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to "
        "document recognition, Proc. IEEE 86(11), 1998",
        home="http://yann.lecun.com/exdb/mnist/",
        topology=Topology("T", "superlevel", "plain"),
        prior="0, 6, 9: one component with one hole; 8: two holes; others none. "
        "Only about four of five true masks have them.",
        needs_data=True,
        paths=("root", "download"),
        downloads=True,
        checked="Run on the real files (suite clough-mnist).",
    )

    case_width = 5

    def __init__(
        self,
        split: str,
        size: int,
        *,
        seed: int = 0,
        root: str | os.PathLike[str] | None = None,
        download: bool = False,
        lines: int = 8,
        noise: float = 0.0,
    ) -> None:
        order = stream("mnist", "order").permutation(POOL)
        super().__init__(
            split,
            size,
            seed=seed,
            lines=lines,
            noise=noise,
            fixed={"test": order[:_TEST], "judge": np.arange(POOL, TOTAL)},
            pool=order[_TEST:],
            shares=_SHARES,
        )
        folder = _folder(root)
        images, labels = (_read(_locate(folder, file, download), file) for file in (IMAGES, LABELS))
        self.images, self.labels = images[self.indices], labels[self.indices]

    def clean(self, index: int) -> tuple[NDArray[np.float32], int]:
        """Return the digit in [0, 1] and its label."""
        return self.images[index].astype(np.float32) / np.float32(255), int(self.labels[index])


def _folder(root: str | os.PathLike[str] | None) -> Path:
    given = root if root is not None else os.environ.get("TOPOEVAL_DATA")
    if not given:
        raise UserError(
            "mnist: no folder to look in; name it by --data, TOPOEVAL_DATA or root= "
            "(with --download or download=True it is filled)"
        )
    return Path(given).expanduser()


def _locate(folder: Path, file: IdxFile, download: bool) -> Path:
    """Return the path of a file in ``folder`` or its subfolder ``mnist``, fetched if allowed."""
    for place in (folder, folder / "mnist"):
        for name in (file.name, f"{file.name}.gz"):
            if (place / name).is_file():
                return place / name
    if not download:
        raise UserError(
            f"mnist: no {file.name} or {file.name}.gz in {folder} or {folder / 'mnist'}; "
            "put it there, or fetch it with --download (download=True)"
        )
    path = folder / "mnist" / f"{file.name}.gz"
    fetch([f"{mirror}{path.name}" for mirror in MIRRORS], path, file.packed)
    return path


def _read(path: Path, file: IdxFile) -> NDArray[np.uint8]:
    """Return the content of an idx file after comparing it with the published checksum."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"mnist: cannot read {path}: {error}; delete it and fetch it anew"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != file.unpacked:
        raise UserError(
            f"mnist: {path} is not the published file (unpacked sha256 {found}, expected "
            f"{file.unpacked}); delete it and pass download=True"
        )
    # An idx file is a magic number, one 32-bit length per axis, then the bytes. The checksum has
    # vouched for the header.
    header = len(content) - math.prod(file.shape)
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(file.shape)
