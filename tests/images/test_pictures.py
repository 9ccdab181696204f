"""Pictures as viewers show them: palettes, and the orientation that EXIF states."""

import numpy as np
import PIL.Image
import pytest

from topoeval.images import read_image

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize("ending", ["png", "gif", "tif", "bmp"])
@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        ([0, 0, 0, 255, 0, 0, 0, 255, 0], [0, 1, 2]),
        ([255, 255, 255, 0, 0, 0, 128, 128, 128], [255, 0, 128]),
        ([0, 0, 0, 255, 255, 255, 9, 9, 9], [0, 255, 9]),
        ([7, 7, 7, 9, 9, 9, 9, 9, 9], [0, 1, 2]),
    ],
    ids=["coloured", "white first", "black first", "two of one grey"],
)
def test_a_palette(tmp_path, ending, palette, expected):
    """A grey one gives its grey values (A11), one of colours its indices: a colour per class."""
    if ending == "bmp" and expected[0] == 255:
        pytest.skip("Pillow itself turns grey palettes of a BMP into grey")
    indices = LABELS % 3
    picture = PIL.Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    picture.putpalette(palette)
    picture.save(tmp_path / f"a.{ending}", **({"optimize": False} if ending == "gif" else {}))
    found = read_image(tmp_path / f"a.{ending}")
    np.testing.assert_array_equal(found.array, np.array(expected)[indices])
    rising = expected == [0, 1, 2] or sorted(expected) == expected
    assert ("greys, not as its indices" in found.note) != rising


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("tag", range(1, 10))
def test_an_orientation_of_exif_is_followed_and_told(tmp_path, ending, tag):
    """As viewers show it; 1 is upright, and 9 is no orientation."""
    shown = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((8, 8), np.uint8))
    stored = {
        2: shown[:, ::-1], 3: shown[::-1, ::-1], 4: shown[::-1], 5: shown.T,
        6: np.rot90(shown), 7: np.rot90(shown, 2).T, 8: np.rot90(shown, -1),
    }.get(tag, shown)  # fmt: skip
    exif = PIL.Image.Exif()
    exif[0x0112] = tag
    PIL.Image.fromarray(stored).save(tmp_path / f"a.{ending}", exif=exif, quality=100)
    found = read_image(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(found.array, shown, atol=0 if ending == "png" else 3)
    assert found.note.startswith(f"turned as the EXIF orientation {tag}") == (tag in range(2, 9))
