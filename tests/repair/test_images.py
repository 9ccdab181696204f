"""Repairs of single images: their edits, and what they leave alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from topoeval.errors import UserError
from topoeval.repair import KINDS, Options, repair, repair_batch
from topoeval.topology import Topology

TOPOLOGIES = st.builds(
    Topology,
    st.sampled_from("TV"),
    st.sampled_from(["superlevel", "sublevel"]),
    st.sampled_from(["plain", "framed"]),
)
SHAPES = st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 5)] * 3))
MAPS = SHAPES.flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]))
)
WANTED = st.lists(st.integers(0, 3), min_size=3, max_size=3)


def foreground(image, topology):
    return image >= 0.5 if topology.superlevel else image <= 0.5


def two_blobs(gap=0.3):
    """Two squares of three voxels and the way between them."""
    image = np.full((7, 11), 0.05)
    image[2:5, 1:4] = image[2:5, 7:10] = 0.95
    image[3, 4:7] = gap
    return image


@given(MAPS, WANTED, TOPOLOGIES)
@settings(max_examples=200, deadline=None)
def test_any_map(betti_numbers, image, wanted, topology):
    """Counts are true, edits name exactly the flipped voxels, and a second repair does nothing."""
    wanted = wanted[: image.ndim]
    result = repair(image, wanted, topology)
    before = foreground(image, topology)
    assert result.before == betti_numbers(before, topology)
    assert result.after == betti_numbers(result.mask, topology)
    assert (foreground(result.probabilities, topology) == result.mask).all()
    flips = np.zeros(image.shape, dtype=int)
    for edit in result.edits:
        np.add.at(flips, tuple(edit.voxels.T), 1)
    assert ((flips % 2 == 1) == (result.mask != before)).all()
    again = repair(result.probabilities, result.after, topology)
    assert not again.edits
    assert (again.probabilities == result.probabilities).all()


@given(MAPS, WANTED, TOPOLOGIES)
@settings(max_examples=60, deadline=None)
def test_masks_are_repaired_too(betti_numbers, image, wanted, topology):
    """A mask has no probabilities, costs voxels, and never names a bar."""
    mask = image >= 0.5
    result = repair(mask, wanted[: mask.ndim], topology)
    assert result.probabilities is None
    assert result.after == betti_numbers(result.mask, topology)
    for edit in result.edits:
        assert edit.cost == edit.size
        assert np.isnan(edit.bar)


@given(MAPS, WANTED, TOPOLOGIES)
@settings(max_examples=60, deadline=None)
def test_memory_layouts(image, wanted, topology):
    """Reversed, transposed and strided arrays give what contiguous ones give."""
    wanted = wanted[: image.ndim]
    expected = repair(image, wanted, topology).probabilities
    spread = np.zeros(tuple(2 * n for n in image.shape), np.float32)
    every_second = (slice(None, None, 2),) * image.ndim
    spread[every_second] = image
    for other in (np.asfortranarray(image), image[::-1].copy()[::-1], spread[every_second]):
        assert (repair(other, wanted, topology).probabilities == expected).all()


def test_a_batch_is_its_images_on_any_number_of_threads(random_map):
    """The order of the items and the threads change nothing."""
    rng = np.random.default_rng(0)
    images = np.stack([random_map(rng, (20, 24), "smooth") for _ in range(9)])
    wanted = rng.integers(1, 4, (9, 2))
    for threads in (1, 3):
        results = repair_batch(images, wanted, threads=threads)
        for image, numbers, result in zip(images, wanted, results, strict=True):
            alone = repair(image, numbers)
            assert (alone.mask == result.mask).all()
            assert [edit.kind for edit in alone.edits] == [edit.kind for edit in result.edits]


def test_the_cheaper_of_joining_and_deleting():
    """A likely way between two blobs is taken, an unlikely one is not."""
    for gap, kind in [(0.48, "join"), (0.001, "delete")]:
        result = repair(two_blobs(gap), (1, 0))
        assert result.edits[0].kind == kind
        assert result.met


def test_costs_are_logits():
    """The cost of a path is the sum of |logit p| of its voxels."""
    result = repair(two_blobs(0.4), (1, 0), options=Options(only=["join"], radius=0))
    (edit,) = result.edits
    assert edit.size == 3
    assert edit.cost == pytest.approx(3 * np.log(0.6 / 0.4), abs=4.5 / 256)
    assert np.isnan(edit.bar)


def test_paths_are_thickened_by_simple_voxels():
    """Within the radius of a path of foreground, and by no more than that."""
    thin = repair(two_blobs(0.4), (1, 0), options=Options(radius=0))
    thick = repair(two_blobs(0.4), (1, 0))
    assert [edit.kind for edit in thick.edits] == ["join", "thicken"]
    assert thick.mask[2:5, 5].all()
    assert thick.mask.sum() > thin.mask.sum()
    assert thick.after == thin.after == (1, 0)


def test_the_longest_bar_is_created_and_reported():
    """Of two blobs below 0.5 the brighter one becomes the component; its bar is its height."""
    image = np.full((9, 15), 0.1)
    image[3:5, 3:5], image[3:5, 10:12] = 0.3, 0.4
    result = repair(image, (1, 0))
    edit = result.edits[0]
    assert edit.kind == "create"
    assert edit.voxels[0, 1] in (10, 11)
    assert result.shortest_bar == pytest.approx(0.4)
    assert not result.doubtful
    two = repair(image, (2, 0))
    assert two.shortest_bar == pytest.approx(0.2)


def test_evidence_refuses_short_bars():
    """No feature is created below it, and what is left is said."""
    image = np.full((9, 9), 0.1)
    image[4, 4] = 0.15
    free = repair(image, (2, 0))
    assert free.met
    assert free.doubtful
    bound = repair(image, (2, 0), options=Options(evidence=0.1))
    assert bound.after == (1, 0)
    assert not bound.met
    with pytest.raises(UserError, match="evidence needs a probability map"):
        repair(image > 0.1, (2, 0), options=Options(evidence=0.1))


@pytest.mark.parametrize("construction", ["T", "V"])
def test_the_bar_of_a_feature_that_is_there_is_no_evidence_of_another(construction):
    """The one long bar of a ring's hole: a second hole inside of it has none."""
    image = np.full((24, 24), 0.1)
    image[3:21, 3:21] = 0.9
    image[6:18, 6:18] = 0.05
    image[12, 12] = 0.04
    for wanted in ((1, 2), (2, 1), (3, 3)):
        assert repair(image, wanted, construction).met
        bound = repair(image, wanted, construction, Options(evidence=0.2))
        assert (bound.before, bound.after, bound.edits) == ((1, 1), (1, 1), ())


@given(MAPS, WANTED, TOPOLOGIES, st.sets(st.sampled_from(sorted(KINDS))))
@settings(max_examples=100, deadline=None)
def test_only_the_kinds_that_are_allowed(image, wanted, topology, only):
    """Beside them only paths are thickened."""
    result = repair(image, wanted[: image.ndim], topology, Options(only=only))
    assert {edit.kind for edit in result.edits} <= {*only, "thicken"}


@given(MAPS, WANTED, TOPOLOGIES, st.integers(0, 6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_edit_is_larger_than_allowed(image, wanted, topology, most, as_mask):
    """The voxels counted that thicken its path, in maps and masks."""
    wanted = wanted[: image.ndim]
    given = foreground(image, topology) if as_mask else image
    result = repair(given, wanted, topology, Options(max_change=most))
    edits = [edit for edit in result.edits if edit.kind != "thicken"]
    assert all(edit.size <= most for edit in edits)
    free = list(edits)
    for thick in (edit for edit in result.edits if edit.kind == "thicken"):
        # in the order of the paths, one each
        while free and not (is_beside(thick, free[0]) and free[0].size + thick.size <= most):
            free.pop(0)
        assert free, f"{thick.size} voxels beside no path that has room for them"
        free.pop(0)
    assert result.flipped <= most * len(edits)


def is_beside(thick, path):
    """Whether each voxel shares a face with one of the path."""
    apart = np.abs(thick.voxels[:, None] - path.voxels[None]).sum(axis=2)
    return bool((apart.min(axis=1) == 1).all()) if path.size else False


def test_the_limit_of_an_edit_leaves_a_path_thin():
    """What is left of the limit goes to the likeliest voxels beside it."""
    sizes = [
        [edit.size for edit in repair(two_blobs(0.4), (1, 0), options=Options(max_change=n)).edits]
        for n in (2, 3, 5, 100)
    ]
    free = [edit.size for edit in repair(two_blobs(0.4), (1, 0)).edits]
    assert sizes[0] != [3]
    assert sizes[1:] == [[3], [3, 2], free]
    with pytest.raises(UserError, match="leave one of them out"):
        Options(settle=True, max_change=3)


@given(MAPS, WANTED, TOPOLOGIES, st.floats(0, 2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_voxel_flips_that_is_surer_than_the_limit(image, wanted, topology, limit, settle):
    """Neither by an edit, nor beside its path, nor at a border that is settled."""
    options = Options(limit=limit, settle=settle)
    result = repair(image, wanted[: image.ndim], topology, options)
    p = np.clip(image.astype(float), 1e-4, 1 - 1e-4)
    flipped = result.mask != foreground(image, topology)
    # prices are whole 256ths
    assert (np.abs(np.log(p / (1 - p)))[flipped] <= limit + 0.01).all()


@given(MAPS, WANTED, TOPOLOGIES, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_locked_voxels_never_flip(image, wanted, topology, random):
    """Whatever is wanted."""
    locked = np.array([random.random() < 0.4 for _ in range(image.size)]).reshape(image.shape)
    result = repair(image, wanted[: image.ndim], topology, locked=locked)
    assert (result.mask == foreground(image, topology))[locked].all()


def test_any_number_may_be_left_open():
    """None leaves the holes of a mask as they are."""
    image = np.full((9, 20), 0.1)
    image[1:6, 1:6] = 0.9
    image[3, 3] = 0.2
    image[2:4, 12:14] = 0.6
    result = repair(image, (1, None))
    assert result.after == (1, 1)
    assert result.wanted == (1, None)
    assert result.met


def test_without_a_prior_small_things_go():
    """By size, by number, or by how likely they are."""
    image = np.full((12, 24), 0.1)
    image[1:9, 1:9] = 0.9
    image[4, 4] = 0.2
    image[2:5, 12:15] = 0.6
    image[7, 20] = 0.95
    assert repair(image, options=Options(min_size=2)).after == (2, 0)
    assert repair(image, options=Options(keep=1)).after == (1, 1)
    by_odds = repair(image, options=Options(limit=1.0))
    assert by_odds.after == (2, 1)
    assert by_odds.wanted == (None, None)
    with pytest.raises(UserError, match="say what is wanted"):
        repair(image)


@pytest.mark.parametrize(
    ("image", "wanted", "message"),
    [
        (np.zeros((4, 4), int), (1, 0), "boolean masks or probabilities"),
        (np.full((4, 4), 1.5), (1, 0), "lie in"),
        (np.full((4, 4), np.nan), (1, 0), "lie in"),
        (np.zeros((4, 4)), (1, 0, 0), "2 Betti numbers"),
        (np.zeros((4, 4)), (1, -2), "not negative"),
        (np.zeros((4, 4)), (0.5, 0), "whole"),
        (np.zeros(4), (1, 0), "2D or 3D"),
        (np.zeros((0, 4)), (1, 0), "have voxels"),
    ],
)
def test_what_cannot_be_repaired_is_refused(image, wanted, message):
    """In one line that names the thing."""
    with pytest.raises(UserError, match=message):
        repair(image, wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"evidence": 2}, "evidence"),
        ({"only": ["delte"]}, "delete"),
        ({"only": "delete"}, "list of kinds"),
        ({"width": 0}, "width"),
        ({"min_size": -1}, "min_size"),
    ],
)
def test_options_are_checked(options, message):
    """When they are made."""
    with pytest.raises(UserError, match=message):
        Options(**options)


def test_no_flip_is_needless(betti_numbers, random_map):
    """Each voxel flipped back alone changes the numbers, and edits name every flip."""
    rng = np.random.default_rng(58)
    topology = Topology("T")
    for _ in range(40):
        image = random_map(rng, (14, 14), "noise")
        result = repair(image, (2, 1), topology, Options(radius=0))
        flipped = np.zeros(image.shape, int)
        for edit in result.edits:
            np.add.at(flipped, tuple(edit.voxels.T), 1)
        np.testing.assert_array_equal(flipped % 2 == 1, result.mask != (image >= 0.5))
        for place in zip(*np.nonzero(flipped % 2), strict=True):
            back = result.mask.copy()
            back[place] ^= True
            assert betti_numbers(back, topology) != result.after


def test_whole_pieces_need_no_distance():
    """Deleting and filling does the same whether or not paths would be allowed."""
    rng = np.random.default_rng(59)
    for shape in [(60, 60), (20, 20, 20)]:
        mask = ndimage.gaussian_filter(rng.random(shape), 1.0) > 0.5
        clean = Options(min_size=6, only=("delete", "fill"))
        free = repair(mask, (None,) * mask.ndim, options=Options(min_size=6))
        np.testing.assert_array_equal(
            repair(mask, (None,) * mask.ndim, options=clean).mask, free.mask
        )


def ring_with_a_gap():
    """A ring that a likely path closes and a doubtful voxel opens; the rest is a corner of it."""
    logits = [
        [-0.5, -2.1, -1.4, -0.9, -0.8],
        [-0.8, 0.3, 3.5, 1.2, 1.3],
        [1.2, 0.4, 2.4, 0.8, 0.3],
        [-2.5, -0.05, -1.3, -1.9, 0.02],
        [1.3, -0.9, 1.2, 0.1, -1.7],
    ]
    return (1 / (1 + np.exp(-np.array(logits)))).astype(np.float32)


@pytest.mark.parametrize("turns", range(4))
def test_two_cheap_edits_instead_of_a_dear_one(turns):
    """A join that closes a ring is refused alone, and taken if opening the ring costs little."""
    image = np.rot90(ring_with_a_gap(), turns)
    thin = {"width": 1, "radius": 0}
    result = repair(image, (1, 0), options=Options(**thin))
    assert (result.before, result.after) == ((2, 0), (1, 0))
    assert [edit.kind for edit in result.edits] == ["join", "open"]
    assert sum(edit.cost for edit in result.edits) < 0.1
    assert all(np.isnan(edit.bar) for edit in result.edits)
    # neither where one of the two is forbidden, nor with evidence: the ring has no bar of its own
    for more in ({"only": ["delete", "join"]}, {"only": ["delete", "open"]}, {"evidence": 0.01}):
        alone = repair(image, (1, 0), options=Options(**thin, **more))
        assert [edit.kind for edit in alone.edits] == ["delete"]
    locked = image == image.flat[np.abs(image - 0.5).argmin()]
    assert locked.sum() == 1
    kept = repair(image, (1, 0), options=Options(**thin), locked=locked)
    assert [edit.kind for edit in kept.edits] == ["delete"]


def test_a_second_attempt_makes_repairs_cheaper(random_map):
    """On the whole, and what one attempt meets two meet (evidence asks for a single one)."""
    rng = np.random.default_rng(75)
    costs = []
    for _ in range(150):
        image = random_map(rng, (16, 16), "smooth")
        two = repair(image, (1, 0), options=Options(width=1, radius=0))
        one = repair(image, (1, 0), options=Options(width=1, radius=0, evidence=1e-6))
        if not one.met:
            continue
        assert two.met
        costs.append([sum(edit.cost for edit in each.edits) for each in (two, one)])
    two, one = np.sum(costs, axis=0)
    assert two < one
