"""Adapters: small files in the published layouts, and the real ones where they are."""

import numpy as np
import pytest
from PIL import Image

from topoeval import datasets
from topoeval.datasets.prepared import prepare
from topoeval.datasets.stored import Stored
from topoeval.datasets.topomortar import TopoMortar
from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

RNG = np.random.default_rng(0)
SIDE = 16


def save(path, array, **options):
    """Write a picture, making folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def photograph():
    """Return random colours."""
    return RNG.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def drawing():
    """Return a random label of 0 and 255."""
    return (RNG.random((SIDE, SIDE)) < 0.3).astype(np.uint8) * 255


def nifti(path, array, spacing=(1.5, 1.25, 8)):
    """Write a NIfTI volume, making folders."""
    nibabel = pytest.importorskip("nibabel")
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([*spacing, 1])), path)


def drive(folder):
    """Write DRIVE: TIFF photographs, GIF labels."""
    for part, first in (("training", 21), ("test", 1)):
        for k in range(first, first + 5):
            kind = "training" if part == "training" else "test"
            save(folder / part / "images" / f"{k:02d}_{kind}.tif", photograph())
            save(folder / part / "1st_manual" / f"{k:02d}_manual1.gif", drawing())
            save(folder / part / "mask" / f"{k:02d}_{kind}_mask.gif", drawing())
    return {"train": 2, "unlabelled": 2, "val": 1, "test": 5}


def chase_db1(folder):
    """Write CHASE_DB1: flat, JPEG photographs, two readers."""
    for child in (1, 2, 3, 4, 5, 11, 12):
        for eye in "LR":
            name = f"Image_{child:02d}{eye}"
            save(folder / f"{name}.jpg", photograph())
            for reader in ("1stHO", "2ndHO"):
                save(folder / f"{name}_{reader}.png", drawing())
    return {"train": 4, "unlabelled": 4, "val": 2, "test": 4}


def hrf(folder):
    """Write HRF: JPEG with endings of both cases, TIFF labels."""
    for kind, ending in (("h", "jpg"), ("dr", "JPG"), ("g", "jpg")):
        for k in range(4, 8):
            save(folder / "images" / f"{k:02d}_{kind}.{ending}", photograph(), format="JPEG")
            save(folder / "manual1" / f"{k:02d}_{kind}.tif", drawing())
    return {"train": 2, "unlabelled": 3, "val": 1, "test": 6}


def fives(folder):
    """Write FIVES: folder names with a blank, numbers that repeat in both parts."""
    for part, count in (("train", 5), ("test", 3)):
        for k in range(1, count + 1):
            save(folder / part / "Original" / f"{k}_A.png", photograph())
            save(folder / part / "Ground truth" / f"{k}_A.png", drawing())
    return {"train": 2, "unlabelled": 2, "val": 1, "test": 3}


def massachusetts_roads(folder):
    """Write Massachusetts Roads: .tiff photographs, .tif maps."""
    for part, count in (("train", 4), ("valid", 2), ("test", 3)):
        for k in range(count):
            save(folder / part / "sat" / f"10{k}_15.tiff", photograph())
            save(folder / part / "map" / f"10{k}_15.tif", drawing())
    return {"train": 2, "unlabelled": 2, "val": 2, "test": 3}


def isbi12(folder):
    """Write ISBI 2012: two TIFF files of 30 pages."""
    tifffile = pytest.importorskip("tifffile")
    raw = RNG.integers(0, 256, (30, SIDE, SIDE), dtype=np.uint8)
    tifffile.imwrite(folder / "train-volume.tif", raw)
    cells = np.where(RNG.random((30, SIDE, SIDE)) < 0.3, 0, 255).astype(np.uint8)
    tifffile.imwrite(folder / "train-labels.tif", cells)
    return {"train": 10, "unlabelled": 5, "val": 5, "test": 10}


def cremi(folder):
    """Write CREMI: one HDF5 file with neurons, one of the challenge's test without."""
    h5py = pytest.importorskip("h5py")
    for sample, labelled in (("A", True), ("A+", False)):
        with h5py.File(folder / f"sample_{sample}_20160501.hdf", "w") as file:
            raw = RNG.integers(0, 256, (60, SIDE, SIDE), dtype=np.uint8)
            file["volumes/raw"] = raw
            file["volumes/raw"].attrs["resolution"] = (40.0, 4.0, 4.0)
            if labelled:
                neurons = np.ones((60, SIDE, SIDE), dtype=np.uint64)
                neurons[:, :, SIDE // 2 :] = 7
                file["volumes/labels/neuron_ids"] = neurons
    return {"test": 25, "val": 25, "train": 10}


def acdc(folder):
    """Write ACDC: stacks whose first slice shows no myocardium."""
    for part, patients in (("training", range(1, 6)), ("testing", (101, 102))):
        for patient in patients:
            place = folder / "database" / part / f"patient{patient:03d}"
            for frame in ("01", "12"):
                label = np.zeros((SIDE, SIDE + 2, 3), dtype=np.uint8)
                label[3:10, 3:12, 1:], label[5:8, 5:9, 1:], label[1:3, 3:9, 1:] = 2, 3, 1
                name = f"patient{patient:03d}_frame{frame}"
                image = RNG.integers(0, 900, label.shape).astype(np.int16)
                nifti(place / f"{name}.nii.gz", image)
                nifti(place / f"{name}_gt.nii.gz", label)
                nifti(place / f"patient{patient:03d}_4d.nii.gz", image)
    return {"train": 8, "unlabelled": 8, "val": 4, "test": 8}


def topcow(folder):
    """Write TopCoW: both modalities, channel suffix on images only."""
    for k in range(1, 7):
        for modality in ("mr", "ct"):
            volume = RNG.integers(0, 500, (SIDE,) * 3).astype(np.int16)
            nifti(folder / "imagesTr" / f"topcow_{modality}_{k:03d}_0000.nii.gz", volume)
            label = (volume > 450).astype(np.uint8) * (k % 13 + 1)
            nifti(folder / "cow_seg_labelsTr" / f"topcow_{modality}_{k:03d}.nii.gz", label)
    return {"train": 2, "unlabelled": 1, "val": 1, "test": 2}


def msd(folder):
    """Write a task of the Decathlon with its list."""
    task = folder / "Task04_Hippocampus"
    pairs = []
    for k in range(6):
        volume = RNG.integers(0, 500, (SIDE,) * 3).astype(np.int16)
        nifti(task / "imagesTr" / f"hippocampus_{k:03d}.nii.gz", volume)
        nifti(task / "labelsTr" / f"hippocampus_{k:03d}.nii.gz", (volume > 400).astype(np.uint8))
        pairs.append(
            f'{{"image": "./imagesTr/hippocampus_{k:03d}.nii.gz", '
            f'"label": "./labelsTr/hippocampus_{k:03d}.nii.gz"}}'
        )
    (task / "dataset.json").write_text(f'{{"training": [{", ".join(pairs)}]}}')
    return {"train": 2, "unlabelled": 1, "val": 1, "test": 2}


def vnc(folder):
    """Write sections as TIFF with LZW, labels of one bit."""
    for k in range(4):
        save(
            folder / "stack1" / "raw" / f"{k:02d}.tif", photograph()[..., 0], compression="tiff_lzw"
        )
        save(folder / "stack1" / "membranes" / f"{k:02d}.png", drawing() > 0)
    return {"train": 1, "unlabelled": 1, "val": 1, "test": 1}


def topomortar(folder):
    """Write TopoMortar: three kinds of labels, groups in a table."""
    rows = ["ID,group"]
    number = 0
    for part, groups in (
        ("train", ["indistr"] * 4),
        ("val", ["indistr"]),
        ("test", ["indistr"] * 2 + ["angles"] * 2 + ["shadows"]),
    ):
        for group in groups:
            number += 1
            rows.append(f"{number:03d},{group}")
            place = folder / "dataset" / part
            save(place / "images" / f"{number:03d}.png", photograph())
            for kind in ("accurate",) if part == "test" else ("accurate", "noisy", "pseudo"):
                save(place / kind / f"{number:03d}.png", drawing())
    (folder / "dataset" / "dataset_types.txt").write_text("\n".join(rows) + "\n")
    return {"train": 2, "unlabelled": 2, "val": 1, "test": 2, "shifted": 3}


def sunnybrook(folder):
    """Write contours as released; the second frame has an inner one only."""
    angle = np.linspace(0, 2 * np.pi, 40)
    for k in range(5):
        patient = f"SC-N-{k:02d}"
        place = folder / "SCD_ManualContours" / patient / "contours-manual" / "IRCCI-expert"
        place.mkdir(parents=True)
        for frame in (20, 40):
            for kind, radius in (("i", 7), ("o", 11)):
                if kind == "o" and frame == 40:
                    continue
                x, y = 20 + radius * np.cos(angle), 16 + radius * np.sin(angle)
                name = f"IM-0001-{frame:04d}-{kind}contour-manual.txt"
                np.savetxt(place / name, np.stack((x, y), 1), fmt="%.2f")
        image = np.zeros((32, 40), dtype=np.uint8)
        save(folder / "images_jpeg" / patient / "d-20.jpg", image)
    return {"train": 1, "unlabelled": 1, "val": 1, "test": 2}


LAYOUTS = {
    write.__name__: write
    for write in (
        acdc,
        chase_db1,
        cremi,
        drive,
        fives,
        hrf,
        isbi12,
        massachusetts_roads,
        msd,
        sunnybrook,
        topcow,
        topomortar,
        vnc,
    )
}


@pytest.fixture
def written(request, tmp_path, monkeypatch):
    """Write the files of a data set; return its name and the sizes that its splits should have."""
    name = request.param
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setenv("TOPOEVAL_DATA", str(tmp_path))
    return name, LAYOUTS[name](folder)


def test_every_adapter_has_a_layout():
    """A new adapter cannot be forgotten here."""
    classes = {name: datasets.DATASETS.load(name) for name in datasets.BUILTIN}
    stored = {name for name, cls in classes.items() if issubclass(cls, Stored)}
    assert stored == {*LAYOUTS, "folder"}


@pytest.mark.parametrize("written", LAYOUTS, indirect=True)
def test_published_layouts_are_read(written):
    """As many images as were written, in the card's form, with measured Betti numbers."""
    name, sizes = written
    card = datasets.resolve(name)
    seen = set()
    for split, size in sizes.items():
        dataset = datasets.load(name, split)
        assert len(dataset) == size, split
        sample = dataset[0]
        assert sample.image.shape[0] == card.channels
        assert sample.target.shape == (len(card.classes), *sample.image.shape[1:])
        assert sample.image.ndim - 1 == card.ndim
        topology = Topology("T", border=card.topology.border)
        measured = betti_numbers(sample.target > 0, topology, card.ndim)
        assert sample.betti["T"] == tuple(measured[0])
        names = {one.case for one in dataset}
        assert not names & seen
        seen |= names
    assert "-content:" in card.revision


@pytest.mark.parametrize("written", ["chase_db1", "acdc", "isbi12"], indirect=True)
def test_images_of_one_subject_never_part(written):
    """Two eyes, two frames, neighbouring sections: all of them are in one split."""
    name, sizes = written
    found = {case.name: case.subject for case in datasets.DATASETS.load(name).find(None)}
    owners = [{found[s.case] for s in datasets.load(name, split)} for split in sizes]
    assert sum(map(len, owners)) == len(set().union(*owners))


@pytest.mark.parametrize("written", ["acdc"], indirect=True)
def test_acdc_slices_have_rows_before_columns(written):
    """x, y of NIfTI become columns, rows; so does the voxel size; classes are in order."""
    sample = datasets.load("acdc", "train", structure="all")[0]
    assert sample.image.shape == (1, SIDE + 2, SIDE)
    assert sample.spacing == (1.25, 1.5)
    assert sample.prior == ((1, 0), (1, 1), (1, 0))
    right, wall, left = sample.target
    assert right[5, 1] == wall[3, 3] == left[6, 6] == 1
    assert not sample.case.endswith("slice00")


@pytest.mark.parametrize("written", ["cremi"], indirect=True)
def test_cremi_membranes_part_the_neurons(written):
    """Two neurons side by side: two voxels of membrane between them, two holes in the frame."""
    sample = datasets.load("cremi", "test")[0]
    np.testing.assert_array_equal(np.flatnonzero(sample.target[0, 3]), [7, 8])
    assert sample.betti == {"V": (1, 2), "T": (1, 2)}
    assert sample.spacing == pytest.approx((4e-6, 4e-6))


@pytest.mark.parametrize("written", ["topomortar"], indirect=True)
def test_topomortar_keeps_the_true_label_beside_a_bad_one(written, tmp_path):
    """As `clean`, of which the measured prior is; a prepared copy holds it, too."""
    params = {"labels": "noisy", "prior": "measured", "shrink": 2}
    accurate = {s.case: s for s in datasets.load("topomortar", "train", prior="measured", shrink=2)}
    prepare(
        TopoMortar.find(None, labels="noisy"), "topomortar", {"labels": "noisy"}, tmp_path / "p"
    )
    for root in (None, tmp_path / "p"):
        seen = list(datasets.load("topomortar", "train", root=root, **params))
        assert len(seen) == len(accurate) == 2
        for sample in seen:
            true = accurate[sample.case]
            assert true.clean is None
            np.testing.assert_array_equal(sample.clean, true.target)
            assert sample.prior == true.prior == true.betti["T"]
            assert not np.array_equal(sample.target, true.target)
    here, there = (datasets.resolve("topomortar", root=r, labels="noisy") for r in (None, root))
    assert here.revision == there.revision


@pytest.mark.parametrize("written", ["topomortar"], indirect=True)
def test_topomortar_kinds_and_groups(written):
    """Another kind changes training labels and no test; a group is a part of the shifted test."""
    kinds = ("accurate", "noisy")
    accurate, noisy = (datasets.load("topomortar", "train", labels=kind) for kind in kinds)
    assert accurate[0].case == noisy[0].case
    assert not np.array_equal(accurate[0].target, noisy[0].target)
    a, b = (datasets.load("topomortar", "test", labels=k)[0] for k in ("accurate", "noisy"))
    np.testing.assert_array_equal(a.target, b.target)
    assert len(datasets.load("topomortar", "shifted", group="angles")) == 2
    with pytest.raises(UserError, match="'angels'; did you mean 'angles'"):
        datasets.load("topomortar", "shifted", group="angels")


@pytest.mark.parametrize("written", ["chase_db1"], indirect=True)
def test_chase_readers_differ(written):
    """The second reader's drawing is not the first's."""
    a, b = (datasets.load("chase_db1", "test", reader=k)[0] for k in (1, 2))
    assert a.case == b.case
    assert not np.array_equal(a.target, b.target)


@pytest.mark.parametrize("written", ["sunnybrook"], indirect=True)
def test_sunnybrook_rings_lie_between_the_contours(written, tmp_path):
    """Columns before rows in the file; frames without both contours are left out."""
    sample = datasets.load("sunnybrook", "test", structure="all")[0]
    ring, blood = sample.target > 0
    assert blood[16, 20]
    assert ring[16, 29]
    assert blood.sum() == pytest.approx(np.pi * 49, rel=0.06)
    assert ring.sum() == pytest.approx(np.pi * (121 - 49), rel=0.06)
    assert sample.betti["V"] == ((1, 1), (1, 0))
    assert sample.case.endswith("/0020")
    next((tmp_path / "sunnybrook" / "images_jpeg").rglob("*.jpg")).unlink()
    with pytest.raises(UserError, match="a contour without its frame"):
        datasets.load("sunnybrook", "train")


@pytest.mark.parametrize(
    ("written", "params", "message"),
    [
        ("acdc", {"structure": "heart"}, "structure must be one of"),
        ("chase_db1", {"reader": 3}, "reader .* got 3"),
        ("topcow", {"modality": "us"}, "modality must be one of"),
        ("topomortar", {"labels": "nosiy"}, "did you mean 'noisy'"),
        ("msd", {"task": "Task09_Spleen"}, "tasks here: Task04_Hippocampus"),
    ],
    indirect=["written"],
)
def test_options_are_checked(written, params, message):
    """The message names option and value."""
    with pytest.raises(UserError, match=message):
        datasets.load(written[0], "train", **params)
