"""Sections under the electron microscope: membranes between the cells of nervous tissue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, Picture, grey, paired, pictures, read_pair
from topoeval.datasets.stored import EACH, Stored
from topoeval.errors import UnavailableError, UserError
from topoeval.images import read_image
from topoeval.topology import Topology

TASK = "segment the membranes between cells"
# Cells may not leak through the corners of a membrane: it connects through faces, and the image
# edge closes the cells that it cuts.
READING = Topology("V", "superlevel", "framed")
PRIOR = "Framed: one component, a hole for each cell; the number differs by section."


class Vnc(Stored):
    """Four sections of the ventral nerve cord of a fly larva.

    The folder holds ``stack1/raw/NN.tif`` and ``stack1/membranes/NN.png`` (true = membrane).
    Parameters: those of `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="vnc",
        title="Drosophila VNC",
        task=TASK,
        ndim=2,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="CC BY-NC-SA 3.0 (non-commercial)",
        citation="S. Gerhard, J. Funke, J. Martel, A. Cardona, R. Fetter, Segmented anisotropic "
        "ssTEM dataset of neural tissue, figshare, 2013, doi 10.6084/m9.figshare.856713",
        home="https://github.com/unidesigner/groundtruth-drosophila-vnc",
        topology=READING,
        prior=PRIOR,
        needs_data=True,
        classes=("membrane",),
        paths=("root",),
        checked="Run on real files: 4 sections of 512 x 512.",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the sections."""
        stack = folder / "stack1"
        pairs = paired(pictures(stack / "raw"), pictures(stack / "membranes"))
        return [Case(n, "train", n, partial(_vnc, raw, label)) for n, raw, label in pairs]


def _vnc(raw: Path, label: Path) -> Picture:
    picture = read_pair(raw, label)
    return Picture(picture.image, picture.label, spacing=(4.6e-6, 4.6e-6))


class Isbi12(Stored):
    """The 30 training sections of the ISBI 2012 challenge; its test has no public labels.

    The folder holds ``train-volume.tif`` and ``train-labels.tif``, 30 pages each (0 = membrane).
    Sections part in slabs of five. Parameters: those of `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="isbi12",
        title="ISBI 2012 EM",
        task=TASK,
        ndim=2,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="terms of the challenge; no clear licence",
        citation="I. Arganda-Carreras et al., Crowdsourcing the creation of image segmentation "
        "algorithms for connectomics, Frontiers in Neuroanatomy 9, 2015",
        home="https://imagej.net/events/isbi-2012-segmentation-challenge",
        topology=READING,
        prior=PRIOR,
        needs_data=True,
        classes=("membrane",),
        paths=("root",),
        checked="Never run on the real files; tested on small files in the published layout.",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the sections of the stack."""
        volume, labels = folder / "train-volume.tif", folder / "train-labels.tif"
        pages = _pages(volume), _pages(labels)
        if pages[0].shape != pages[1].shape or pages[0].ndim != 3:
            raise UserError(f"{labels}: shape {pages[1].shape}, its images {pages[0].shape}")
        return [
            Case(f"{k:02d}", "train", f"{k // 5}", partial(_page, volume, labels, k))
            for k in range(len(pages[0]))
        ]


@lru_cache(maxsize=2)
def _pages(path: Path) -> NDArray[Any]:
    return read_image(path).array


def _page(volume: Path, labels: Path, k: int) -> Picture:
    return Picture(grey(_pages(volume)[k][None], volume), (_pages(labels)[k] == 0)[None])


class Cremi(Stored):
    """Sections of the CREMI challenge; membrane is what lies between two neurons.

    A voxel is membrane if a neighbour, by corners too, belongs to another neuron. The folder holds
    ``sample_*.hdf`` with ``volumes/raw`` and ``volumes/labels/neuron_ids``. Sections part in slabs
    of 25. Needs the extra ``hdf5``. Parameters: those of
    `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="cremi",
        title="CREMI",
        task=TASK,
        ndim=2,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="open download; no explicit licence found",
        citation="CREMI, MICCAI Challenge on Circuit Reconstruction from Electron Microscopy "
        "Images, 2016",
        home="https://cremi.org",
        topology=READING,
        prior=PRIOR,
        needs_data=True,
        classes=("membrane",),
        paths=("root",),
        checked="Never run on the real files; tested on small files in the published layout.",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the sections of all samples that have neurons."""
        cases = []
        for path in sorted(folder.glob("sample_*.hdf")):
            with _hdf5(path) as file:
                if "volumes/labels/neuron_ids" not in file:
                    continue  # the challenge's own test samples
                shape, seen = file["volumes/labels/neuron_ids"].shape, file["volumes/raw"].shape
            if shape != seen:
                raise UserError(f"{path}: neurons of size {shape}, images of {seen}")
            sample = path.name.split("_")[1]
            cases += [
                Case(f"{sample}/{k:03d}", "train", f"{sample}{k // 25}", partial(_section, path, k))
                for k in range(shape[0])
            ]
        return cases


def _hdf5(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise UnavailableError(f'{path}: HDF5 needs h5py; pip install "topoeval[hdf5]"') from None
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _section(path: Path, k: int) -> Picture:
    from skimage.segmentation import find_boundaries

    with _hdf5(path) as file:
        raw, neurons = file["volumes/raw"], file["volumes/labels/neuron_ids"]
        image, ids = raw[k], neurons[k]
        # nanometres along z, y, x
        resolution = raw.attrs.get("resolution")
    spacing = None if resolution is None else tuple(float(r) * 1e-6 for r in resolution[1:])
    # Corners count: two cells that touch at a corner only must be parted there, too.
    border = find_boundaries(ids, connectivity=2, mode="inner")
    return Picture(grey(image[None], path), border[None], spacing)
