"""The border moved to where it maximises the expected Dice score, by simple voxels."""

import numpy as np
import pytest

from topoeval.repair import Options, repair


def best_mask(probabilities):
    """The mask ``p >= t`` of largest ``2 sum p / (n + sum of all p)``, by trying every t."""
    total = probabilities.sum()

    def expected(threshold):
        inside = probabilities >= threshold
        return 2 * probabilities[inside].sum() / (inside.sum() + total)

    return probabilities >= max(np.unique(probabilities), key=expected)


def soft_disk(height=1.0):
    """One component, whatever the threshold."""
    rows, columns = np.indices((24, 24)) - 11.5
    distance = np.hypot(rows, columns)
    return (height * np.clip(1.2 - distance / 10, 0, 1)).astype(np.float64)


@pytest.mark.parametrize("height", [0.6, 0.8, 1.0])
def test_a_mask_with_the_wanted_numbers_is_settled_too(height):
    """Otherwise one set of images would be cut at two thresholds."""
    image = soft_disk(height)
    result = repair(image, (1, 0), options=Options(settle=True))
    assert result.before == result.after == (1, 0)
    np.testing.assert_array_equal(result.mask, best_mask(image))
    assert [edit.kind for edit in result.edits] == ["settle"]
    assert result.edits[0].size == (result.mask != (image >= 0.5)).sum() > 0


def test_without_settle_nothing_moves():
    image = soft_disk()
    result = repair(image, (1, 0))
    assert not result.edits
    np.testing.assert_array_equal(result.mask, image >= 0.5)


def test_a_thickened_path_stays_thick():
    """Its voxels are below any threshold: they were not raised to be lowered again."""
    image = np.full((20, 30), 0.02)
    image[6:14, 3:11] = image[6:14, 19:27] = 0.97
    image[9:12, 11:19] = 0.3
    image[10, 11:19] = 0.45
    plain = repair(image, (1, 0))
    assert [edit.kind for edit in plain.edits] == ["join", "thicken"]
    settled = repair(image, (1, 0), options=Options(settle=True))
    assert settled.after == (1, 0)
    assert settled.mask[plain.mask & ~(image >= 0.5)].all()


def test_settle_changes_no_betti_number(random_map):
    rng = np.random.default_rng(77)
    for _ in range(50):
        image = random_map(rng, (16, 16), "smooth")
        plain = repair(image, (1, 1))
        settled = repair(image, (1, 1), options=Options(settle=True))
        assert settled.after == plain.after
