"""The values of bars, gathered by the engine, against NumPy's indexing."""

import numpy as np
import pytest

from topoeval import _native as native


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("superlevel", [False, True])
def test_values_and_locations(dtype, count, superlevel):
    """Values are those of the voxels, infinite for an index below 0; locations are the indices."""
    rng = np.random.default_rng(count)
    images = rng.standard_normal((count, 50)).astype(dtype)
    image = np.sort(rng.integers(0, count, 40))
    birth, death = rng.integers(-1, 50, (2, 40))
    first, never = (np.inf, -np.inf) if superlevel else (-np.inf, np.inf)
    (births, deaths), locations = native.gather_bars(images, image, birth, death, superlevel)
    assert births.dtype == deaths.dtype == dtype
    np.testing.assert_array_equal(births, np.where(birth < 0, first, images[image, birth]))
    np.testing.assert_array_equal(deaths, np.where(death < 0, never, images[image, death]))
    np.testing.assert_array_equal(locations, np.stack([birth, death], axis=1))


def test_columns_that_persistence_returned():
    """They are not copied, and the table of both outlives them."""
    batch = np.random.default_rng(0).random((2, 9, 8), np.float32)
    image, dim, birth, death = native.persistence(batch, "V", False, [0, 1], 0.0, 1)
    wanted = np.stack([birth, death], axis=1)
    _, locations = native.gather_bars(batch.reshape(2, -1), image, birth, death, False)
    assert np.shares_memory(locations, birth)
    assert np.shares_memory(locations, death)
    del image, dim, birth, death
    native.persistence(batch, "V", False, [0, 1], 0.0, 1)  # would take memory that was freed
    np.testing.assert_array_equal(locations, wanted)


def test_no_bars():
    """An empty table stays one."""
    none = np.empty(0, np.int64)
    values, locations = native.gather_bars(np.zeros((1, 4)), none, none, none, False)
    assert values.shape == (2, 0)
    assert locations.shape == (0, 2)


def test_refusals():
    """Voxels and images that there are not, columns of several lengths, and integers."""
    images, one = np.zeros((2, 4)), np.ones(1, np.int64)
    for image, birth, death in [(2, 1, 1), (-1, 1, 1), (0, 4, 1), (0, 1, 4)]:
        with pytest.raises(ValueError, match="that there is not"):
            native.gather_bars(images, one * image, one * birth, one * death, False)
    with pytest.raises(ValueError, match="one length"):
        native.gather_bars(images, one, one.repeat(2), one, False)
    with pytest.raises(ValueError, match="float16, float32 or float64"):
        native.gather_bars(images.astype(int), one, one, one, False)
