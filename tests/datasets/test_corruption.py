"""Loss of k-space lines: exactly the recipe, nothing more."""

import numpy as np
import pytest

from topoeval.datasets.corruption import acquire, zero_kspace_lines
from topoeval.errors import UserError


class Spectra:
    """Keeps what goes into the last inverse transform, where the zeroed lines can be seen."""

    def __init__(self, monkeypatch):
        original = np.fft.ifft2
        self.last = None

        def keep(spectrum):
            self.last = spectrum
            return original(spectrum)

        monkeypatch.setattr(np.fft, "ifft2", keep)


@pytest.fixture
def image():
    """Return an image whose spectrum has no zero of its own."""
    return np.random.default_rng(5).random((12, 15))


def lost_lines(image, lines, monkeypatch, seed=3):
    """Return where the spectrum is zero, and its rows and columns of nothing but zeros."""
    spectra = Spectra(monkeypatch)
    zero_kspace_lines(image, lines, np.random.default_rng(seed))
    zero = spectra.last == 0
    return zero, set(np.flatnonzero(zero.all(axis=1))), set(np.flatnonzero(zero.all(axis=0)))


@pytest.mark.parametrize("lines", [0, 1, 4, 11])
def test_exactly_these_lines_are_zero(image, lines, monkeypatch):
    """So many distinct rows and columns are zero, and every other coefficient is untouched."""
    zero, rows, columns = lost_lines(image, lines, monkeypatch)
    assert len(rows) == len(columns) == lines
    kept = np.ones_like(zero)
    kept[sorted(rows)] = False
    kept[:, sorted(columns)] = False
    spectra = Spectra(monkeypatch)
    zero_kspace_lines(image, lines, np.random.default_rng(3))
    np.testing.assert_allclose(spectra.last[kept], np.fft.fft2(image)[kept])


def test_more_lines_only_take_more_away(image, monkeypatch):
    """A sweep over the number of lines keeps the lines already lost."""
    _, rows, columns = lost_lines(image, 4, monkeypatch)
    _, more_rows, more_columns = lost_lines(image, 8, monkeypatch)
    assert rows < more_rows
    assert columns < more_columns


def test_result_is_magnitude_divided_by_its_maximum(image):
    """Nothing lost: the image itself, scaled to maximum 1."""
    result = zero_kspace_lines(image, 0, np.random.default_rng(0))
    np.testing.assert_allclose(result, image / image.max(), rtol=1e-6)
    assert result.dtype == np.float32


def test_lost_lines_are_drawn_by_the_generator(image):
    """Equal generators, equal damage; another one, other damage."""
    first, again, other = (
        zero_kspace_lines(image, 5, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert first.max() == 1


@pytest.mark.parametrize("image", [np.zeros((6, 6)), np.ones((6, 6))], ids=["blank", "constant"])
def test_nothing_left_is_black(image):
    """Rounding errors must not be scaled up to an image."""
    assert not zero_kspace_lines(image, 6, np.random.default_rng(0)).any()


@pytest.mark.parametrize("lines", [-1, 13])
def test_refuses_lines_the_image_does_not_have(image, lines):
    """The message carries the value."""
    with pytest.raises(UserError, match=f"0 to 12 .* got {lines}"):
        zero_kspace_lines(image, lines, np.random.default_rng(0))


def test_refuses_volumes():
    """The recipe is one for images."""
    with pytest.raises(UserError, match="2D"):
        zero_kspace_lines(np.zeros((4, 4, 4)), 1, np.random.default_rng(0))


def picture():
    """Return a smooth positive image of unequal sides."""
    rows, columns = np.ogrid[:48, :40]
    return 0.5 + 0.3 * np.sin(rows / 5) * np.cos(columns / 4)


def test_an_undisturbed_acquisition_is_the_image():
    """Every step of the damage can be turned off."""
    same = acquire(picture(), kept=1, motion=0, noise=0, rng=np.random.default_rng(0))
    np.testing.assert_allclose(same, picture(), atol=1e-6)


def test_acquired_noise_is_rician():
    """Over an empty image, the mean of Rayleigh noise; over a bright one, nearly normal noise."""
    rng = np.random.default_rng(0)
    dark = acquire(np.zeros((64, 64)), kept=1, motion=0, noise=0.1, rng=rng)
    assert dark.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.03)
    bright = acquire(np.ones((64, 64)), kept=1, motion=0, noise=0.1, rng=rng)
    assert bright.std() == pytest.approx(0.1, rel=0.05)


def test_fewer_rows_lose_detail_along_the_rows_only():
    """Phase encoding is truncated, reading out is not."""
    stripes = 0.5 + 0.4 * np.sin(np.arange(64) * 2 * np.pi / 4)
    for image, survives in (
        (np.tile(stripes, (64, 1)), True),
        (np.tile(stripes, (64, 1)).T, False),
    ):
        seen = acquire(image, kept=0.3, motion=0, noise=0, rng=np.random.default_rng(0))
        assert (seen.std() > 0.9 * image.std()) == survives


def test_motion_keeps_the_energy():
    """Phases change, magnitudes of k-space do not."""
    moved = acquire(picture(), kept=1, motion=1.0, noise=0, rng=np.random.default_rng(0))
    assert not np.allclose(moved, picture(), atol=1e-2)
    assert (moved**2).sum() == pytest.approx((picture() ** 2).sum(), rel=1e-3)


@pytest.mark.parametrize(
    ("image", "kept", "message"),
    [(np.ones(4), 1.0, "2D"), (np.ones((4, 4)), 0.0, "got 0"), (np.ones((4, 4)), 1.5, "got 1.5")],
)
def test_acquisitions_refuse_what_they_cannot_do(image, kept, message):
    """The message names shape or value."""
    with pytest.raises(UserError, match=message):
        acquire(image, kept=kept, motion=0, noise=0, rng=np.random.default_rng(0))
