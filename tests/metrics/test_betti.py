"""Betti numbers against counts by hand, against gudhi, and against their own symmetries."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage import measure

from topoeval.errors import UserError
from topoeval.metrics import betti_error, betti_matches, betti_numbers, euler_number
from topoeval.topology import Topology

V, T = Topology("V"), Topology("T")
V_FRAMED, T_FRAMED = Topology("V", border="framed"), Topology("T", border="framed")
ALL = (V, T, V_FRAMED, T_FRAMED)


def drawn(*rows: str) -> np.ndarray:
    """Read a mask from rows of ``#`` and ``.``."""
    return np.array([[cell == "#" for cell in row] for row in rows])


def solid(shape: tuple[int, ...], *boxes: tuple[slice, ...]) -> np.ndarray:
    """Fill the boxes one after another with foreground, background, foreground ..."""
    mask = np.zeros(shape, dtype=bool)
    for value, box in zip(itertools.cycle((True, False)), boxes, strict=False):
        mask[box] = value
    return mask


INNER = slice(1, 4)

# Counted by hand: V plain, T plain, V framed, T framed.
COUNTED = {
    "empty image": (np.zeros((3, 4), bool), (0, 0), (0, 0), (1, 1), (1, 1)),
    "full image": (np.ones((3, 4), bool), (1, 0), (1, 0), (1, 0), (1, 0)),
    "one pixel": (drawn("#"), (1, 0), (1, 0), (1, 0), (1, 0)),
    "ring": (
        drawn(".....", ".###.", ".#.#.", ".###.", "....."),
        *((1, 1), (1, 1), (2, 2), (2, 2)),
    ),
    "eight": (drawn("###", "#.#", "###", "#.#", "###"), (1, 2), (1, 2), (1, 2), (1, 2)),
    "diagonal pair": (
        drawn("....", ".#..", "..#.", "...."),
        *((2, 0), (1, 0), (3, 1), (2, 1)),
    ),
    "checkerboard": (drawn("#.#", ".#.", "#.#"), (5, 0), (1, 0), (2, 1), (1, 4)),
    "diamond": (drawn(".#.", "#.#", ".#."), (4, 0), (1, 1), (1, 1), (1, 5)),
    "border ring": (drawn("####", "#..#", "#..#", "####"), (1, 1), (1, 1), (1, 1), (1, 1)),
    "cut loop": (drawn("#.#", "#.#", "###"), (1, 0), (1, 0), (1, 1), (1, 1)),
    "line across": (drawn("...", "###", "..."), (1, 0), (1, 0), (1, 2), (1, 2)),
    "empty volume": (np.zeros((3, 3, 3), bool), *((0, 0, 0),) * 2, *((1, 0, 1),) * 2),
    "full volume": (np.ones((2, 3, 4), bool), *((1, 0, 0),) * 4),
    "hollow cube": (
        solid((5, 5, 5), (INNER, INNER, INNER), (2, 2, 2)),
        *((1, 0, 1), (1, 0, 1), (2, 0, 2), (2, 0, 2)),
    ),
    "solid torus": (
        solid((5, 5, 3), (INNER, INNER, 1), (2, 2, 1)),
        *((1, 1, 0), (1, 1, 0), (2, 1, 1), (2, 1, 1)),
    ),
    "torus surface": (
        solid(
            (11, 11, 5),
            (slice(1, 10), slice(1, 10), INNER),
            (slice(2, 9), slice(2, 9), 2),
            (slice(3, 8), slice(3, 8), 2),
            (slice(4, 7), slice(4, 7), slice(None)),
        ),
        *((1, 2, 1), (1, 2, 1), (2, 2, 2), (2, 2, 2)),
    ),
    "tube open at both faces": (
        solid((3, 3, 3), (slice(None),) * 3, (slice(None), 1, 1)),
        *((1, 1, 0), (1, 1, 0), (1, 0, 1), (1, 0, 1)),
    ),
    "corner pair": (
        solid((4, 4, 4), (1, 1, 1), (0, 0, 0), (2, 2, 2)),
        *((2, 0, 0), (1, 0, 0), (3, 0, 1), (2, 0, 1)),
    ),
    "edge pair": (
        solid((4, 4, 4), (1, 1, 1), (0, 0, 0), (1, 2, 2)),
        *((2, 0, 0), (1, 0, 0), (3, 0, 1), (2, 0, 1)),
    ),
}

masks = array_shapes(min_dims=2, max_dims=3, max_side=5).flatmap(lambda shape: arrays(bool, shape))
topologies = st.sampled_from(ALL)


@pytest.mark.parametrize(
    ("mask", "topology", "counted"),
    [
        pytest.param(mask, topology, counted, id=f"{name}-{topology}")
        for name, (mask, *counts) in COUNTED.items()
        for topology, counted in zip(ALL, counts, strict=True)
    ],
)
def test_counts_by_hand(mask, topology, counted):
    """Every fixture has the numbers that a person counts."""
    assert tuple(betti_numbers(mask, topology)) == counted


@settings(deadline=None)
@given(masks, topologies)
def test_equal_to_persistent_homology(mask, topology):
    """A cubical complex of gudhi, which knows nothing of labels, has the same Betti numbers."""
    gudhi = pytest.importorskip("gudhi", reason="gudhi is the independent reference here")
    space = np.pad(mask, 1, constant_values=True) if topology.framed else mask
    cells = "vertices" if topology.construction == "V" else "top_dimensional_cells"
    complex_ = gudhi.CubicalComplex(**{cells: np.where(space, 0.0, 1.0)})
    complex_.compute_persistence(homology_coeff_field=2)
    reference = complex_.persistent_betti_numbers(0.5, 0.5)
    assert betti_numbers(mask, topology).tolist() == reference[: mask.ndim]


@settings(deadline=None)
@given(masks, topologies)
def test_equal_to_labels_of_scikit_image(mask, topology):
    """Another library's labels and Euler number, put together by the same formula."""
    space = np.pad(mask, 1, constant_values=True) if topology.framed else mask
    space = np.pad(space, 1)
    faces, corners = 1, mask.ndim
    fore, back = (faces, corners) if topology.construction == "V" else (corners, faces)
    components = measure.label(space, connectivity=fore).max()
    last = measure.label(~space, connectivity=back).max() - 1
    reference = [components, last]
    if mask.ndim == 3:
        euler = measure.euler_number(space, connectivity=fore)
        reference = [components, components + last - euler, last]
    assert betti_numbers(mask, topology).tolist() == reference


@settings(deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(1, 5), *[st.integers(1, 6)] * 3)), topologies, st.booleans()
)
def test_a_stack_counts_like_its_images(stack, topology, flat):
    """Images that share one call of the labelling do not touch each other."""
    if flat:
        stack = stack[:, 0]
    alone = [betti_numbers(image, topology).tolist() for image in stack]
    assert betti_numbers(stack, topology, stack.ndim - 1).tolist() == alone


@settings(deadline=None)
@given(masks, st.sampled_from([(V, T_FRAMED), (T, V_FRAMED)]))
def test_complement_is_dual(mask, pair):
    """A mask and its framed complement exchange dimensions k and d-1-k, less the frame itself."""
    plain, framed = pair
    dual = betti_numbers(~mask, framed)[::-1].copy()
    dual[-1] -= 1
    assert betti_numbers(mask, plain).tolist() == dual.tolist()


@settings(deadline=None)
@given(masks, topologies, st.data())
def test_turning_and_flipping_change_nothing(mask, topology, data):
    """Connectivity has no preferred axis or direction."""
    axes = data.draw(st.permutations(range(mask.ndim)))
    flips = data.draw(st.sets(st.integers(0, mask.ndim - 1)))
    turned = np.flip(mask.transpose(axes), tuple(flips))
    assert np.array_equal(betti_numbers(turned, topology), betti_numbers(mask, topology))


@settings(deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=7)), st.sampled_from([V, T]))
def test_euler_number_is_the_alternating_sum(mask, topology):
    """In 2D both Betti numbers come from labels, so the Euler number is an independent check."""
    b0, b1 = betti_numbers(mask, topology)
    assert euler_number(mask, topology.construction) == b0 - b1


def test_leading_axes_stay():
    """A stack of batches and channels gives each image its own row."""
    ring = COUNTED["ring"][0]
    stack = np.stack([[ring, ~ring], [np.zeros_like(ring), ring]])
    assert betti_numbers(stack, T, spatial_dims=2).tolist() == [[[1, 1], [2, 1]], [[0, 0], [1, 1]]]
    assert betti_numbers(stack[:0], T, spatial_dims=2).shape == (0, 2, 2)


def test_direction_plays_no_part():
    """A mask is foreground already; the direction belongs to grey images."""
    ring = COUNTED["ring"][0]
    assert betti_numbers(ring, Topology("T", "sublevel")).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_refuses_what_is_no_mask(dtype):
    """Grey values would silently count every non-zero voxel."""
    with pytest.raises(UserError, match=f"boolean, got {np.dtype(dtype)}"):
        betti_numbers(np.ones((3, 3), dtype), T)


@pytest.mark.parametrize(("shape", "spatial_dims"), [((4,), None), ((2, 2, 2, 2), None)])
def test_refuses_other_dimensions(shape, spatial_dims):
    """Only 2D and 3D connectivities are defined."""
    with pytest.raises(UserError, match="2D or 3D"):
        betti_numbers(np.ones(shape, bool), T, spatial_dims)


def test_refuses_images_without_voxels():
    """An image of no voxels has no topology to speak of."""
    with pytest.raises(UserError, match=r"\(3, 0\)"):
        betti_numbers(np.ones((3, 0), bool), T)


def test_error_is_counted_per_dimension():
    """Errors in different dimensions never cancel."""
    two_discs, eight = np.eye(3, dtype=bool), np.ones((5, 3), bool)
    eight[[1, 3], 1] = False
    padded = np.zeros_like(eight)
    padded[:3] = two_discs
    assert betti_error(padded, eight, V).tolist() == [2, 2]
    assert betti_error(padded, eight, T).tolist() == [0, 2]


def test_empty_masks_count_like_others():
    """Both empty is no error; a missed ring is one error in each dimension."""
    ring = COUNTED["ring"][0]
    empty = np.zeros_like(ring)
    assert betti_error(empty, empty, T).tolist() == [0, 0]
    assert betti_error(empty, ring, T).tolist() == [1, 1]


def test_matches_need_every_dimension():
    """One wrong number is a mismatch; a reference per case is compared row by row."""
    betti = np.array([[1, 0], [1, 1], [2, 0]])
    assert betti_matches(betti, (1, 0)).tolist() == [True, False, False]
    assert betti_matches(betti, [[1, 1], [1, 1], [2, 0]]).tolist() == [False, True, True]


@pytest.mark.parametrize("reference", [1, (1, 0, 0)])
def test_matches_refuse_a_prior_of_other_length(reference):
    """Broadcasting one number over all dimensions would be a wrong answer."""
    with pytest.raises(UserError, match="2 Betti numbers"):
        betti_matches(np.array([[1, 0]]), reference)
