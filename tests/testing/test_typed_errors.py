"""Known errors: each kind does to topology what it says, counted by other code."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number

from topoeval import UserError, datasets
from topoeval.testing import KINDS, with_errors
from topoeval.testing.typed_errors import WHOLE

# Of the kinds that change Betti numbers: by how much one error changes b0 - b1 + b2.
EULER = {"break": 1, "merge": -1, "false_component": 1}
ADDS = {"merge": True, "false_component": True, "spur": True, "thicker": True}
TAKES = {"break": True, "hole": True, "missing_branch": True, "thinner": True}


@pytest.fixture(scope="module", params=["network", "vessels"])
def mask(request):
    """A true mask in two and in three dimensions, with loops and with branches that end."""
    params = {
        "network": {"side": 96, "radius": 4, "nodes": 9},
        "vessels": {"side": 56, "radius": 3.5, "loops": 1, "depth": 3},
    }[request.param]
    return np.asarray(datasets.load(request.param, "test", 1, **params)[0].target)[0] >= 0.5


def counted(mask):
    """Components, enclosed background and the Euler number, by scipy and scikit-image."""
    full = np.ones((3,) * mask.ndim, bool)
    background = ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1
    return np.array([ndimage.label(mask, full)[1], background, euler_number(mask, mask.ndim)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(3))
def test_an_error_does_what_its_kind_says(mask, kind, place):
    """One of each size, in 2D and 3D: to the Betti numbers, and to the voxels."""
    made = with_errors(mask, kind, np.random.default_rng(place), size=KINDS[kind].sizes[place])
    assert made is not None
    assert not np.array_equal(made, mask)
    change = counted(made) - counted(mask)
    if kind == "hole":
        assert change.tolist() == [0, 1, -1 if mask.ndim == 2 else 1]
    elif kind == "false_component":
        assert change.tolist() == [1, 0, 1]
    else:
        assert change[2] == EULER.get(kind, 0)
        assert abs(change[0]) <= 1
        if kind not in EULER:
            assert change.tolist() == [0, 0, 0]
    if kind in ADDS:
        assert (made | mask == made).all()
    if kind in TAKES:
        assert (made & mask == made).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WHOLE])
def test_several_errors_are_as_many(mask, kind):
    """They change as many times as much, at places apart; the same seed, the same mask."""
    made, again = (
        with_errors(mask, kind, np.random.default_rng(0), size=KINDS[kind].sizes[0], number=3)
        for _ in range(2)
    )
    assert np.array_equal(made, again)
    one = EULER.get(kind, 0) if kind != "hole" else -1 if mask.ndim == 2 else 1
    assert (counted(made) - counted(mask))[2] == 3 * one
    assert ndimage.label(made != mask, np.ones((3,) * mask.ndim))[1] >= 3


def test_where_there_is_no_place_nothing_is_made():
    """A ring has no branch that ends; an empty mask nothing that could break."""
    ring = np.zeros((24, 24), bool)
    ring[4:20, 4:20] = True
    ring[8:16, 8:16] = False
    rng = np.random.default_rng(0)
    assert with_errors(ring, "missing_branch", rng) is None
    assert with_errors(np.zeros((9, 9), bool), "break", rng) is None
    assert with_errors(np.ones((9, 9), bool), "false_component", rng) is None


def test_what_cannot_be_meant_is_refused():
    """By name and value, with the nearest kind."""
    ring, rng = np.zeros((9, 9), bool), np.random.default_rng(0)
    with pytest.raises(UserError, match="no kind of error is called 'brake'; did you mean 'break'"):
        with_errors(ring, "brake", rng)
    with pytest.raises(UserError, match="'shift' is an error of the whole mask, and number is 2"):
        with_errors(ring, "shift", rng, number=2)
    for size in (0, 1.5, float("nan")):
        with pytest.raises(UserError, match="size and number are whole, 1 or more"):
            with_errors(ring, "break", rng, size=size)
    with pytest.raises(UserError, match=r"rng must be a numpy.random.Generator, got 5"):
        with_errors(ring, "break", 5)
    with pytest.raises(UserError, match="boolean"):
        with_errors(ring.astype(int), "break", rng)
    with pytest.raises(UserError, match="errors are made in one mask"):
        with_errors(np.zeros((2, 2, 2, 2), bool), "break", rng)
