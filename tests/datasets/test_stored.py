"""Data sets in files: parts, cuts, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from tests.datasets.conftest import picture, write
from topoeval import datasets
from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology


def cases(split, own, **params):
    """Return the names in a split."""
    return [sample.case for sample in datasets.load("folder", split, **own, **params)]


def test_splits_share_no_image_and_lose_none(own):
    """Thirty percent test, a fifth of the rest validation, half of that labelled."""
    parts = {split: cases(split, own) for split in ("train", "unlabelled", "val", "test")}
    assert {split: len(names) for split, names in parts.items()} == {
        "train": 3,
        "unlabelled": 3,
        "val": 1,
        "test": 3,
    }
    assert sorted(name for names in parts.values() for name in names) == sorted(map(str, range(10)))


def test_the_test_is_the_same_for_every_seed(own):
    """The seed deals out the others."""
    assert cases("test", own) == cases("test", own, seed=5)
    assert any(cases("train", own) != cases("train", own, seed=seed) for seed in range(1, 4))


def test_everything_labelled_leaves_nothing_unlabelled(own):
    """And says how to get some."""
    assert len(cases("train", own, labelled=1.0)) == 6
    with pytest.raises(UserError, match="no images for split 'unlabelled' here; lower 'labelled'"):
        datasets.load("folder", "unlabelled", **own, labelled=1.0)


def test_folders_named_for_parts_are_the_parts(tmp_path):
    """What the user parted stays parted."""
    for part, count in (("train", 4), ("val", 1), ("test", 2), ("shifted", 3)):
        for k in range(count):
            image, label = picture(k)
            write(tmp_path / "images" / part / f"{k}.png", image)
            write(tmp_path / "labels" / part / f"{k}.png", label)
    given = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
    for part, count in (("train", 2), ("unlabelled", 2), ("val", 1), ("test", 2), ("shifted", 3)):
        assert len(cases(part, given)) == count


def test_samples_are_what_the_files_hold(own):
    """Grey values over 255, masks of zeros and ones, Betti numbers measured."""
    for sample in datasets.load("folder", "test", **own):
        image, label = picture(int(sample.case))
        np.testing.assert_allclose(sample.image[0], image / 255, atol=1e-6)
        np.testing.assert_array_equal(sample.target[0] > 0, label > 0)
        assert sample.betti["V"] == tuple(betti_numbers(label > 0, Topology("V")))
        assert sample.prior is None


def test_priors_are_known_or_measured(own):
    """What the user says of all images, or what each mask shows."""
    known = datasets.load("folder", "test", **own, betti=[1, 1])
    assert [sample.prior for sample in known] == [(1, 1)] * 3
    measured = datasets.load("folder", "test", **own, prior="measured")
    assert all(sample.prior == sample.betti["T"] for sample in measured)


def test_values_become_classes(tmp_path):
    """Each value of the label map is a channel."""
    for k in range(4):
        label = np.zeros((12, 12), dtype=np.uint8)
        label[2:5, 2:5], label[7:10, 7:10] = 1, 3
        write(tmp_path / "images" / f"{k}.png", picture(k, 12)[0])
        write(tmp_path / "labels" / f"{k}.png", label)
    given = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
    (sample, *_) = datasets.load("folder", "train", **given, values=[1, 3], betti=[[1, 0], [1, 0]])
    assert sample.target.shape == (2, 12, 12)
    assert sample.target[1, 8, 8] == 1
    assert sample.betti["T"] == sample.prior == ((1, 0), (1, 0))
    assert datasets.resolve("folder", **given, values=[1, 3]).classes == ("class 1", "class 3")


@pytest.mark.parametrize("label", [255, 65535])
@pytest.mark.parametrize("values", [[], [1], [1, 2]])
def test_an_ignore_label_is_refused_or_said_to_be_background(tmp_path, label, values):
    """It would be trained on as a class, or as background; `evaluate` leaves it out."""
    array = np.zeros((16, 16), np.uint16)
    array[2:8, 2:8], array[9:12, 2:8], array[2:12, 12] = 1, 2, label
    for k in range(4):
        for side in ("images", "labels"):
            (tmp_path / side).mkdir(exist_ok=True)
            values_of = array if side == "labels" else (array > 0).astype(np.uint8) * 200
            Image.fromarray(values_of).save(tmp_path / side / f"{k}.png")
    given = {side: str(tmp_path / side) for side in ("images", "labels")}
    with pytest.raises(UserError, match=rf"hold {label} beside others .*background = \[{label}\]"):
        datasets.load("folder", "train", **given, values=values)
    (sample, *_) = datasets.load("folder", "train", **given, values=values, background=[label])
    assert int(sample.target.sum()) == (36 if values == [1] else 54)
    (sample, *_) = datasets.load("folder", "train", **given, values=[1, label])
    assert sample.target.sum(axis=(1, 2)).tolist() == [36, 10]


@pytest.mark.parametrize("ending", ["tif", "npy", "npz", "nii.gz"])
def test_every_format_and_dimension_is_read(tmp_path, ending):
    """Volumes as well as pictures; NIfTI brings its voxel size."""
    for k in range(4):
        volume = np.random.default_rng(k).normal(100, 20, (10, 11, 12)).astype(np.float32)
        label = (volume > 110).astype(np.uint8)
        for place, array in (("images", volume), ("labels", label)):
            path = tmp_path / place / f"{k}.{ending}"
            path.parent.mkdir(exist_ok=True)
            if ending == "tif":
                tifffile = pytest.importorskip("tifffile")
                tifffile.imwrite(path, array)
            elif ending == "npy":
                np.save(path, array)
            elif ending == "npz":
                np.savez(path, values=array)
            else:
                nibabel = pytest.importorskip("nibabel")
                nibabel.save(nibabel.Nifti1Image(array, np.diag([0.5, 0.6, 2, 1])), path)
    given = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
    card = datasets.resolve("folder", **given)
    assert (card.ndim, card.channels) == (3, 1)
    sample = datasets.load("folder", "train", **given)[0]
    assert sample.image.shape == sample.target.shape == (1, 10, 11, 12)
    assert 0 <= sample.image.min() < 0.1 < 0.9 < sample.image.max() <= 1
    assert sample.spacing == ((0.5, 0.6, 2.0) if ending == "nii.gz" else None)


def test_content_names_what_files_hold_and_not_the_files(own, tmp_path):
    """Another format of the same images has the same revision."""
    before = datasets.resolve("folder", **own).revision
    for path in sorted((tmp_path / "images").iterdir()):
        np.save(path.with_suffix(".npy"), np.array(Image.open(path)))
        path.unlink()
    assert datasets.resolve("folder", **own).revision == before
    np.save(tmp_path / "images" / "3.npy", picture(99)[0])
    assert datasets.resolve("folder", **own).revision != before


@pytest.mark.parametrize("shrink", [1, 2, 3])
def test_shrinking_takes_means_and_majorities(own, shrink):
    """Against a loop over blocks."""
    small = datasets.load("folder", "test", **own, shrink=shrink)[0]
    image, label = picture(int(small.case))
    side = 20 // shrink
    assert small.image.shape == (1, side, side)
    for i, j in ((0, 0), (2, 3), (side - 1, side - 1)):
        block = np.s_[i * shrink : (i + 1) * shrink, j * shrink : (j + 1) * shrink]
        assert small.image[0, i, j] == pytest.approx(image[block].mean() / 255, abs=1e-6)
        assert small.target[0, i, j] == ((label[block] > 0).mean() >= 0.5)


@pytest.mark.parametrize("crop", [7, 12, 31])
def test_cropping_keeps_the_middle(own, crop):
    """Less than the image is its middle, more is the image in zeros."""
    whole = datasets.load("folder", "test", **own)[0]
    cut = datasets.load("folder", "test", **own, crop=crop)[0]
    assert cut.image.shape == cut.target.shape == (1, crop, crop)
    if crop < 20:
        start = (20 - crop) // 2
        np.testing.assert_array_equal(
            cut.image[0], whole.image[0, start : start + crop, start : start + crop]
        )
    else:
        assert cut.image.sum() == pytest.approx(whole.image.sum(), rel=1e-6)
        assert cut.target.sum() == whole.target.sum()


def damaged(tmp_path, what):
    """Spoil one of the user's files."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    if what == "no folder":
        images.rename(tmp_path / "elsewhere")
    elif what == "no image":
        (images / "4.png").unlink()
    elif what == "no label":
        (labels / "4.png").unlink()
    elif what == "half a file":
        path = images / "4.png"
        path.write_bytes(path.read_bytes()[:60])
    elif what == "other size":
        write(labels / "4.png", picture(4, 22)[1])
    elif what == "wrong dtype":
        (labels / "4.png").unlink()
        np.save(labels / "4.npy", np.full((20, 20), 0.4))
    elif what == "NaN":
        (images / "4.png").unlink()
        np.save(images / "4.npy", np.full((20, 20), np.nan))
    elif what == "twice":
        np.save(images / "4.npy", picture(4)[0])
    elif what == "wrong axes":
        (images / "4.png").unlink()
        np.save(images / "4.npy", np.zeros((5, 6, 20, 20), dtype=np.uint8))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no folder", "no folder .*images"),
        ("no image", r"labels/4\.png: a label without an image called '4'"),
        ("no label", r"images/4\.png: an image without a label called '4'"),
        ("half a file", r"images/4\.png: cannot be read"),
        ("other size", r"labels/4\.png: size \(22, 22\), but its image 4\.png has \(20, 20\)"),
        ("wrong dtype", r"labels/4\.npy: holds 0\.4, a probability and not a label"),
        ("NaN", r"images/4\.npy: holds NaN"),
        ("twice", "4.npy and 4.png have one name"),
        ("wrong axes", r"images/4\.npy: a 2D image was expected, got shape \(5, 6, 20, 20\)"),
    ],
)
def test_faults_of_files_are_one_clear_line(own, tmp_path, what, message):
    """Found before anything runs, naming the file and the fault."""
    damaged(tmp_path, what)
    with pytest.raises(UserError, match=message) as raised:
        datasets.resolve("folder", **own)
    assert "\n" not in str(raised.value)


def pairs_of(tmp_path, labels, names="{}.png", image=None):
    """Write images and labels; return the parameters that name them."""
    for k, label in enumerate(labels):
        write(tmp_path / "images" / names.format(k), picture(k, 12)[0] if image is None else image)
        write(tmp_path / "labels" / f"{k}.png", label)
    return {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}


def test_labels_are_read_as_a_set(tmp_path):
    """0 and 255 are 0 and 1 in every file, an empty one and all; class 1 is the mask (A2)."""
    mask = np.zeros((12, 12), np.uint8)
    mask[3:6, 3:6] = 255
    given = pairs_of(tmp_path, [mask, mask, mask, mask * 0])
    samples = [
        s
        for split in ("train", "unlabelled", "val", "test")
        for s in datasets.load("folder", split, **given, values=[1], labelled=0.5)
    ]
    assert sorted(int(sample.target.sum()) for sample in samples) == [0, 9, 9, 9]


@pytest.mark.parametrize(
    ("label", "values", "message"),
    [
        (255, [2], r"values= names 2 \(class 2\), which no label in .*labels holds; .*255 is read"),
        (255, [255], r"names 255 .*hold 0 and 255, 255 is read as 1"),
        (3, [1, 3], r"names 1 .*they hold labels 0, 3"),
        (0, [], "no label holds anything but 0"),
    ],
)
def test_what_would_train_on_nothing_is_refused(tmp_path, label, values, message):
    """Before anything runs (A2), naming the values that there are."""
    mask = np.zeros((12, 12), np.uint8)
    mask[3:6, 3:6] = label
    given = pairs_of(tmp_path, [mask] * 4)
    with pytest.raises(UserError, match=message):
        datasets.resolve("folder", **given, values=values)


def test_lossy_labels_are_refused_unless_asked_for(tmp_path):
    """As evaluate refuses them."""
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    given = pairs_of(tmp_path, [mask] * 4, image=mask)
    for path in (tmp_path / "labels").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"), quality=70)
        path.unlink()
    with pytest.raises(UserError, match="changes values when it saves"):
        datasets.resolve("folder", **given)
    sample = datasets.load("folder", "test", **given, lossy=True)[0]
    assert sample.target.sum() == 64


def test_channels_in_the_layout_of_nnunet(tmp_path):
    """case_0000 and case_0001 are two channels of one image."""
    mask = np.zeros((12, 12), np.uint8)
    mask[3:6, 3:6] = 1
    given = pairs_of(tmp_path, [mask] * 4, names="{}_0000.png")
    for k in range(4):
        write(tmp_path / "images" / f"{k}_0001.png", np.full((12, 12), 51, np.uint8))
    assert datasets.resolve("folder", **given).channels == 2
    sample = datasets.load("folder", "test", **given)[0]
    assert sample.image.shape == (2, 12, 12)
    assert np.allclose(sample.image[1], 0.2)


def test_labels_are_brought_into_the_axes_of_the_image(tmp_path, save_mask):
    """Another orientation of the same voxels is the same sample (A14)."""
    pytest.importorskip("nibabel", reason="the extra nifti")
    rng = np.random.default_rng(0)
    affine = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]])
    flipped = affine * np.array([-1, 1, 1, 1]) + np.array([[0, 0, 0, 7], [0] * 4, [0] * 4])
    for place in ("images", "labels"):
        (tmp_path / place).mkdir()
    for k in range(4):
        volume = rng.integers(0, 200, (8, 9, 10)).astype(np.uint8)
        save_mask(tmp_path / "images" / f"{k}.nii.gz", volume, affine)
        save_mask(
            tmp_path / "labels" / f"{k}.nii.gz", (volume > 99)[::-1].astype(np.uint8), flipped
        )
    given = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
    sample = datasets.load("folder", "test", **given)[0]
    np.testing.assert_array_equal(sample.target[0] > 0, sample.image[0] * 255 > 99)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "images= must name"),
        ({"images": "x"}, "labels= must name"),
        ({"images": "x", "labels": "y", "labelled": 2}, "labelled .* got 2"),
        ({"images": "x", "labels": "y", "prior": "knwon"}, "did you mean 'known'"),
        ({"images": "x", "labels": "y", "lables": 1}, "no parameter 'lables'; did you mean"),
    ],
)
def test_slips_in_parameters_are_named(params, message):
    """The nearest known name is offered."""
    with pytest.raises(UserError, match=message):
        datasets.load("folder", "train", **params)


def test_a_missing_data_folder_is_named_with_the_remedy(monkeypatch, tmp_path):
    """Not set, not there, not right: three lines."""
    monkeypatch.delenv("TOPOEVAL_DATA", raising=False)
    with pytest.raises(UserError, match="drive: no folder to look in; name it by --data"):
        datasets.load("drive", "train")
    monkeypatch.setenv("TOPOEVAL_DATA", str(tmp_path))
    with pytest.raises(UserError, match="topoeval data prepare drive --from DIR"):
        datasets.load("drive", "train")
    (tmp_path / "sunnybrook").mkdir()
    with pytest.raises(UserError, match="no folder SCD_ManualContours"):
        datasets.load("sunnybrook", "train")


def test_a_picture_can_be_damaged_and_its_label_not(own):
    """Each image by its own random numbers, the same every time; more noise, further away."""
    whole = datasets.load("folder", "test", **own)
    little, again, more = (
        datasets.load("folder", "test", **own, kept=kept, noise=noise)
        for kept, noise in ((1.0, 0.02), (1.0, 0.02), (0.4, 0.2))
    )
    for sample, a, b, c in zip(whole, little, again, more, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(sample.target, c.target)
        assert 0 <= c.image.min() <= c.image.max() <= 1
        away = [float(np.abs(image - sample.image).mean()) for image in (a.image, c.image)]
        assert 0 < away[0] < away[1]
    (one, other, *_) = (sample.image - b.image for sample, b in zip(whole, little, strict=True))
    assert not np.allclose(one, other)
    with pytest.raises(UserError, match=r"kept must be a number of 0\.05 to 1, got 0"):
        datasets.load("folder", "test", **own, kept=0)
