"""Which edits a repair takes, and which it reports."""

import numpy as np
import pytest
from scipy import ndimage

from topoeval.repair import Options, repair


def two_strays():
    """A large component, and two small ones that are cheap to join with each other only."""
    image = np.full((24, 24), 0.02, np.float32)
    image[2:12, 2:22] = 0.95
    image[12:16, 4:14] = 0.1
    image[16:19, 4:8] = image[16:19, 10:14] = 0.7
    image[16:19, 8:10] = 0.45
    return image


@pytest.mark.parametrize("turns", range(4))
def test_what_was_joined_may_be_deleted_together(turns):
    """It costs less than the join that was priced before; and nothing dearer goes instead."""
    image = np.rot90(two_strays(), turns)
    result = repair(image, (1, 0), options=Options(radius=0))
    assert (result.before, result.after) == ((3, 0), (1, 0))
    np.testing.assert_array_equal(result.mask, image > 0.9)
    # the voxels between the two flipped and flipped back: no edit has them
    assert [(edit.kind, edit.size) for edit in result.edits] == [("delete", 24)]
    assert result.edits[0].cost == pytest.approx(24 * np.log(0.7 / 0.3), rel=0.01)


def test_holes_as_components():
    """Two holes that are cheap to open to each other are filled together."""
    image = 1 - two_strays()
    image = np.pad(image, 3, constant_values=0.98)
    image[3 + 2 : 3 + 12, 3 + 2 : 3 + 22] = 0.98  # no third hole
    result = repair(image, (1, 0), "V", Options(radius=0))
    assert (result.before, result.after) == ((1, 2), (1, 0))
    assert [(edit.kind, edit.size) for edit in result.edits] == [("fill", 24)]


def test_forbidden_deletions_are_no_reason_to_wait():
    """With joins alone, the joins are made."""
    image = two_strays()
    result = repair(image, (1, 0), options=Options(radius=0, only=["join"]))
    assert result.met
    assert [edit.kind for edit in result.edits] == ["join", "join"]


@pytest.mark.parametrize("wanted", [(1, 0), (2, 0), (1, 1), (2, 1)])
def test_every_voxel_is_reported_once(random_map, wanted):
    """The edits together are the difference of the masks."""
    rng = np.random.default_rng(78)
    for kind in ("noise", "smooth"):
        for _ in range(25):
            image = random_map(rng, (12, 12), kind)
            result = repair(image, wanted)
            flipped = np.zeros(image.shape, int)
            for edit in result.edits:
                np.add.at(flipped, tuple(np.transpose(edit.voxels)), 1)
            np.testing.assert_array_equal(flipped, result.mask != (image >= 0.5))


def test_no_single_deletion_or_fill_is_better_than_what_was_done(random_map):
    """Of two components one is to go: never by a dearer edit than deleting the cheaper one."""
    rng = np.random.default_rng(79)
    seen = 0
    for _ in range(300):
        image = random_map(rng, (16, 16), "smooth")
        labels, count = ndimage.label(image >= 0.5, np.ones((3, 3)))
        holes = ndimage.label(image < 0.5)[1] - 1
        result = repair(image, (count - 1, None), options=Options(width=1, radius=0))
        if count < 2 or not result.met or holes:
            continue
        seen += 1
        clipped = np.clip(image.astype(float), 1e-4, 1 - 1e-4)
        price = np.abs(np.log(clipped / (1 - clipped)))
        cheapest = min(price[labels == label].sum() for label in range(1, count + 1))
        # prices are whole 256ths
        assert sum(edit.cost for edit in result.edits) <= cheapest + image.size / 512
    assert seen > 20
