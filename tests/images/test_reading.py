"""What is a mask, what is not, and how the values of a set are read: decided once, and said."""

import numpy as np
import PIL.Image
import pytest

from topoeval.errors import UserError
from topoeval.images.reading import decide, none_reaches, read_labels
from topoeval.images.survey import Terms, digest, files_of, survey

LABELS = np.array([[0, 1, 1], [2, 0, 255]], np.uint8)


@pytest.fixture
def read(tmp_path, save_mask):
    """Read arrays as one set; return the label maps and the reading."""

    def reading(*arrays, ending="npy", terms=None, ignore=()):
        terms = terms or Terms("prediction")
        paths = [save_mask(tmp_path / f"{k}.{ending}", array) for k, array in enumerate(arrays)]
        found = decide([survey(path, terms) for path in paths], terms, ignore)
        return [read_labels(path, found).array.tolist() for path in paths], found

    return reading


@pytest.mark.parametrize(
    "dtype",
    [np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float64, np.float32, np.float16],
)
def test_labels_of_any_type(read, dtype):
    """Floats that are whole numbers are labels as well."""
    (found,), reading = read(LABELS.astype(dtype))
    assert found == LABELS.tolist()
    assert reading.labels == {1, 2, 255}
    assert reading.line == "labels 0, 1, 2, 255"


def test_booleans_are_label_1(read):
    """A mask has one class."""
    (found,), reading = read(LABELS > 0)
    assert (found, reading.labels) == ((LABELS > 0).astype(int).tolist(), {1})


@pytest.mark.parametrize("off", [3e-10, -4e-5, 9e-4])
def test_labels_that_a_slope_has_moved_are_rounded(read, off):
    """As NIfTI's scl_slope does (B6); what is further off is a probability."""
    (found,), _ = read(np.array([[0.0, 3.0 - off, 1.0 + off]]))
    assert found == [[0, 3, 1]]
    with pytest.raises(UserError, match=r"holds 2\.998, a fraction"):
        read(np.array([[0.0, 3.0 - 2e-3]]))


@pytest.mark.parametrize("label", [256, 1035, 65534, 70000, 2**32 - 1])
def test_large_labels(read, label):
    """Up to the largest of 32 bits (B16)."""
    (found,), reading = read(np.array([[0, 1, label]]))
    assert found == [[0, 1, label]]
    assert reading.labels == {1, label}
    with pytest.raises(UserError, match="the largest is 4294967295"):
        read(np.array([[0, 2**32]]))


@pytest.mark.parametrize(("white", "dtype"), [(255, np.uint8), (65535, np.uint16), (255, float)])
def test_white_is_1_where_the_whole_set_has_nothing_else(read, white, dtype):
    """Empty files and all (A1, A3, B16); one other label in one file, and it is a label."""
    masks = [np.array([[0, white]], dtype), np.zeros((1, 2), dtype)]
    found, reading = read(*masks)
    assert found == [[[0, 1]], [[0, 0]]]
    assert reading.line == f"0 and {white}, {white} is read as 1"
    found, reading = read(*masks, np.array([[2, 0]], dtype))
    assert found == [[[0, white]], [[0, 0]], [[2, 0]]]
    assert reading.line == f"labels 0, 2, {white}"


def test_an_ignore_label_is_no_value(read):
    """255 beside nothing else is not foreground if it marks voxels to leave out."""
    (found,), reading = read(np.array([[0, 255]]), ignore=(255,))
    assert (found, reading.one) == ([[0, 255]], None)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_stored_as_colour(read, channels):
    """Equal channels are one; opacity says nothing."""
    colour = np.repeat(LABELS[..., None], channels, axis=-1)
    colour[..., 3:] = 77
    (found,), _ = read(colour, ending="png")
    assert found == LABELS.tolist()


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (np.array([[0.2, 0.5, 0.9]]), "0 to 1"),
        (np.array([[20, 128, 200]], np.uint8), "255ths"),
        (np.array([[20, 32768, 60000]], np.uint16), "65535ths"),
    ],
)
def test_threshold_reads_probabilities(read, values, unit):
    """The threshold is foreground; bytes are parts of their range (A20), a dark file's too."""
    dark = np.zeros_like(values)
    dark[0, 0] = 1 if values.dtype.kind == "u" else 0
    found, reading = read(values, dark, terms=Terms("prediction", threshold=0.5))
    assert found == [[[0, 1, 1]], [[0, 0, 0]]]
    assert reading.line.startswith(f"probabilities ({unit}), foreground from 0.5 on")


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool, np.float32])
def test_masks_are_masks_with_a_threshold_too(read, dtype):
    """0 and 1 in every file are no 255ths."""
    (found,), _ = read(np.array([[0, 1]], dtype), terms=Terms("prediction", threshold=0.5))
    assert found == [[0, 1]]


def test_threshold_wants_probabilities(read):
    """Logits are none; a softmax may exceed 1 by its last digit."""
    with pytest.raises(UserError, match=r"probabilities lie in \[0, 1\], got 0.2 to 3.5"):
        read(np.array([[0.2, 3.5]]), terms=Terms("prediction", threshold=0.5))
    (found,), _ = read(np.array([[0.2, 1.000001]]), terms=Terms("prediction", threshold=0.5))
    assert found == [[0, 1]]


def soft(axis):
    """Return probabilities of three classes, the axis of channels, and their labels."""
    labels = np.random.default_rng(0).integers(0, 3, (5, 6, 7))
    hot = np.eye(3)[labels] * 0.6 + 0.4 / 3
    return np.moveaxis(hot, -1, axis), labels


def test_channels_of_nnunet(tmp_path):
    """(C, z, y, x), of which the NIfTI beside it is (x, y, z); an image has one slice."""
    probabilities, labels = soft(0)
    np.savez(tmp_path / "a.npz", probabilities=probabilities.astype(np.float32))
    path, terms = tmp_path / "a.npz", Terms("prediction")
    reading = decide([survey(path, terms)], terms)
    np.testing.assert_array_equal(read_labels(path, reading).array, labels.transpose(2, 1, 0))
    assert "3 channels that sum to 1, the largest is the label" in reading.line
    np.savez(path, probabilities=probabilities[:, :1].astype(np.float32))
    np.testing.assert_array_equal(read_labels(path, reading).array, labels[0])


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_channels_of_a_fourth_nifti_axis(read, dtype):
    """Softmax or one-hot, the first of them background."""
    probabilities, labels = soft(-1)
    stored = probabilities.astype(dtype) if dtype is np.float32 else np.eye(3, dtype=dtype)[labels]
    (found,), reading = read(stored, ending="nii.gz")
    assert found == labels.tolist()
    assert reading.labels == {1, 2}


def test_one_hot_without_background(read):
    """Where no channel is set: channel 0 is label 1."""
    _, labels = soft(-1)
    hot = np.eye(3, dtype=np.uint8)[labels][..., 1:]
    (found,), reading = read(hot, ending="nii")
    assert found == labels.tolist()
    assert "channel 0 is label 1" in reading.line


def test_other_channels_are_refused(read):
    """Overlaps, and what sums to something else; a threshold of several; mixed with maps."""
    probabilities, labels = soft(-1)
    for array in (probabilities * 2, np.ones_like(labels)[..., None].repeat(2, -1)):
        with pytest.raises(UserError, match="channels sum to 2 to 2 in a voxel"):
            read(array.astype(np.float32), ending="nii")
    with pytest.raises(UserError, match="--threshold fits one class"):
        read(probabilities, ending="nii", terms=Terms("prediction", threshold=0.5))
    with pytest.raises(UserError, match=r"3 channels, .* a label map"):
        read(probabilities, labels.astype(np.uint8), ending="nii")
    with pytest.raises(UserError, match=r"1\.nii holds 2 channels"):
        read(
            probabilities,
            probabilities[..., :2] / probabilities[..., :2].sum(-1, keepdims=True),
            ending="nii",
        )


def test_two_channels_and_a_threshold(read):
    """The second is the probability of foreground."""
    p = np.array([0.2, 0.4, 0.7]).reshape(1, 3, 1)
    two = np.stack([1 - p, p], -1)
    (found,), _ = read(two, ending="nii", terms=Terms("prediction", threshold=0.3))
    assert np.ravel(found).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("shape", "volume", "channels"),
    [((3, 32, 32), "zyx", "cyx"), ((32, 31, 4), "zyx", "yxc"), ((2, 40, 9), "zyx", "cyx")],
)
def test_an_array_that_may_be_a_volume_or_channels_is_refused(read, shape, volume, channels):
    """Named by --axes it is one of the two (A13)."""
    first = channels[0] == "c"
    count = min(shape)
    plane = [n for n in shape if n != count]
    labels = np.arange(np.prod(plane)).reshape(plane) % count
    hot = np.moveaxis(np.eye(count, dtype=np.uint8)[labels], -1, 0 if first else -1)
    with pytest.raises(UserError, match=f"--axes zyx for a volume, --axes {channels} for channels"):
        read(hot)
    (found,), _ = read(hot, terms=Terms("prediction", axes=volume))
    assert np.shape(found) == shape
    (found,), _ = read(hot, terms=Terms("prediction", axes=channels))
    assert found == labels.tolist()


def test_a_spacing_of_three_says_that_it_is_a_volume(tmp_path):
    """An NPZ may state one."""
    np.savez(tmp_path / "a.npz", mask=np.ones((3, 32, 32), np.uint8), spacing=[2, 1, 1])
    assert read_labels(tmp_path / "a.npz").array.shape == (3, 32, 32)


@pytest.mark.parametrize("shape", [(1, 9, 8), (9, 1, 8), (9, 8, 1), (1, 9, 8, 1)])
def test_axes_of_length_one_go(read, shape):
    """A volume of one slice is an image, whichever way it is cut (A15)."""
    plane = np.arange(72, dtype=np.uint8).reshape(9, 8) % 5
    (found,), _ = read(plane.reshape(shape))
    assert found == plane.tolist()


@pytest.mark.parametrize("side", ["prediction", "truth"])
def test_lossy_files_are_refused_unless_asked_for(tmp_path, side):
    """Then they are cut at half, and the mask has its 596 pixels and not 787 (A23)."""
    mask = np.zeros((64, 64), np.uint8)
    y, x = np.mgrid[:64, :64]
    mask[(np.hypot(y - 32, x - 32) < 24) & (np.hypot(y - 32, x - 32) > 19)] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "a.jpg", quality=80)
    with pytest.raises(UserError, match=r"a\.jpg: this format changes values.*--lossy"):
        survey(tmp_path / "a.jpg", Terms(side))
    terms = Terms(side, lossy=True)
    reading = decide([survey(tmp_path / "a.jpg", terms)], terms)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.jpg", reading).array, mask > 0)
    assert "foreground from 0.5 on" in reading.line


def test_many_values_are_a_grey_image_unless_named(read):
    """An anti-aliased mask for one."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(UserError, match="255 different labels, a grey image"):
        read(grey)
    _, reading = read(grey, terms=Terms("prediction", many=True))
    assert len(reading.labels) == 255


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[0.0, 0.37]]), "holds 0.37, a probability and not a label"),
        (np.array([[0.0, np.nan]]), r"holds NaN \(1 voxels\)"),
        (np.array([[0.0, np.inf]]), "holds infinite values"),
        (np.array([[-1, 1]]), "negative values down to -1"),
        (np.array([0, 1]), r"2 or 3 axes, got shape \(2,\)"),
        (np.zeros((5, 6, 7, 8), np.uint8), r"2 or 3 axes.*--axes, for example czyx"),
        (np.zeros((0, 3), np.uint8), "no voxel"),
        (np.array([["a", "b"]]), "integers, got"),
        (np.array([[1j, 0]]), "integers, got complex128"),
    ],
)
def test_refuses_what_is_no_label_map(read, array, words):
    """Probabilities, NaN and the rest, each with its remedy."""
    with pytest.raises(UserError, match=rf"0\.npy: .*{words}") as caught:
        read(array)
    assert "\n" not in str(caught.value)


def test_refuses_colours(read):
    """A colour is no label."""
    colour = np.random.default_rng(0).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    with pytest.raises(UserError, match=r"0\.png: a colour picture"):
        read(colour, ending="png")


def test_palettes_are_said(tmp_path):
    """A reading of indices is a reading."""
    picture = PIL.Image.frombytes("P", (3, 2), (LABELS % 3).tobytes())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png")
    terms = Terms("truth")
    reading = decide([survey(tmp_path / "a.png", terms)], terms)
    assert reading.line == "labels 0, 1, 2; a palette of colours is read as its indices"


@pytest.mark.parametrize("ending", ["mhd", "nhdr", "zarr", "npy"])
def test_a_digest_is_of_all_files_of_an_image(tmp_path, save_mask, ending):
    """Voxels beside a header count; a copy elsewhere has the same digest."""
    volume = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    digests = []
    for name, array in (("x", volume), ("copy", volume), ("other", volume[::-1].copy())):
        (tmp_path / name).mkdir()
        digests.append(digest(save_mask(tmp_path / name / f"a.{ending}", array)))
    assert digests[0] == digests[1] != digests[2]
    assert len(files_of(tmp_path / "x" / f"a.{ending}")) == (1 if ending == "npy" else 2)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ([np.uint8([[0, 1, 2]])], "largest is 2, read as 2/255 = 0.00784; these look like labels"),
        ([np.uint16([[0, 9, 3]])], "largest is 9, read as 9/65535 = 0.000137; these look like"),
        ([np.uint8([[0, 100]])], "so every mask is empty: the largest is 100, read as 100/255 = "),
        ([np.float32([[0.1, 0.25]])], "the largest is 0.25"),
        ([np.float32([[[0.75, 0.8]], [[0.25, 0.2]]])], "the largest is 0.25"),
        ([np.uint8([[0, 2]]), np.uint8([[0, 1]])], "the largest is 2, read as 2/255"),
        ([np.uint8([[0, 2]]), np.uint8([[0, 200]])], ""),
        ([np.float32([[0.9]])], ""),
        ([np.float16([[0.1, 0.9]])], ""),
        ([np.float32([[0.1]]), np.uint8([[1]])], ""),
        ([np.uint8([[0, 1]])], ""),
    ],
)
def test_a_threshold_that_no_value_reaches_is_told(tmp_path, save_mask, arrays, words):
    """With the largest value as it was read; not where a mask has foreground."""
    cut = 0.9 if arrays[0].dtype.kind == "f" else 0.5
    terms = Terms("prediction", threshold=cut, axes="cyx" if arrays[0].ndim > 2 else None)
    paths = [save_mask(tmp_path / f"{k}.npy", array) for k, array in enumerate(arrays)]
    surveys = [survey(path, terms) for path in paths]
    found = decide(surveys, terms)
    told = none_reaches(surveys, found)
    assert words in told
    masks = [read_labels(path, found).array.any() for path in paths]
    assert bool(told) == (not any(masks)) == bool(words)
