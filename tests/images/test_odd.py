"""Odd files that are right by the letter of their format, each read as its writer meant."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.images.reading import read_labels
from topoeval.images.survey import Terms, survey

LABELS = np.array([[0, 1, 2], [3, 3, 0]], np.uint16)


@pytest.mark.parametrize("largest", [3, 7, 100, 255, 256, 1023, 65535])
@pytest.mark.parametrize("kind", ["P2", "P5"])
def test_a_pgm_holds_its_values_whatever_its_largest_is(tmp_path, largest, kind):
    """Pillow stretches them to 255, and label 1 would be 85."""
    head = f"{kind} # from a script\n3 2 # size\n{largest}\n".encode()
    width = ">u2" if largest > 255 else "u1"
    values = LABELS.copy()
    values[1, 0] = largest
    text = " ".join(map(str, values.ravel())).encode()
    body = text if kind == "P2" else values.astype(width).tobytes()
    (tmp_path / "a.pgm").write_bytes(head + body)
    np.testing.assert_array_equal(read_image(tmp_path / "a.pgm").array, values)


@pytest.mark.parametrize("ending", ["npy", "tif"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["one-hot", "white", "softmax"])
def test_six_classes_as_channels_are_no_volume(tmp_path, save_mask, ending, last, kind):
    """One-hot or a softmax of more channels than a picture has: it would be a volume 6 deep."""
    labels = np.arange(80).reshape(8, 10) % 6
    hot = np.eye(6, dtype=np.uint8)[labels] * np.uint8(255 if kind == "white" else 1)
    channels = np.moveaxis(hot, -1, 2 if last else 0)
    soft = kind == "softmax"
    if soft:
        channels = (0.04 + 0.76 * channels).astype(np.float32)
    path = save_mask(tmp_path / f"a.{ending}", channels)
    terms = Terms("prediction", threshold=0.5 if soft else None)
    with pytest.raises(UserError, match=r"every pixel sums to \d+: channels .*, --axes zyx if not"):
        survey(path, terms)
    as_volume = survey(path, Terms("prediction", threshold=terms.threshold, axes="zyx"))
    assert as_volume.shape == channels.shape
    if ending == "npy" and kind != "white":
        found = survey(path, Terms("prediction", axes="yxc" if last else "cyx"))
        assert (found.shape, found.kind) == ((8, 10), "softmax")


def test_a_slab_and_a_sheet_are_volumes(tmp_path):
    """One plane that is all foreground, and a file that states three lengths of a voxel."""
    slab = np.zeros((6, 8, 10), np.uint8)
    slab[2] = 1
    np.save(tmp_path / "slab.npy", slab)
    assert read_labels(tmp_path / "slab.npy").array.shape == (6, 8, 10)
    sheet = np.zeros((6, 8, 10), np.uint8)
    sheet[2, :4], sheet[3, 4:] = 1, 1
    np.savez(tmp_path / "sheet.npz", mask=sheet, spacing=[1, 1, 1])
    assert read_labels(tmp_path / "sheet.npz").array.shape == (6, 8, 10)


@pytest.mark.parametrize("plain", [True, False])
def test_a_bitmap_is_read_by_its_white_and_says_so(tmp_path, plain):
    """In a PBM 1 is black; a mask written there as 0 and 1 is read inverted, with a line."""
    bits = np.array([[1, 0, 0, 1, 1, 1, 0, 0]], np.uint8)
    body = " ".join(map(str, bits.ravel())).encode() if plain else np.packbits(bits).tobytes()
    (tmp_path / "a.pbm").write_bytes((b"P1" if plain else b"P4") + b"\n8 1\n" + body)
    image = read_image(tmp_path / "a.pbm")
    np.testing.assert_array_equal(image.array, bits == 0)
    assert image.note == "a bitmap (PBM) has 1 for black; white is read as 1"
