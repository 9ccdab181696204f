"""The Python face of the induced matching; tests/native/test_matching.py proves its values."""

import importlib.util
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import Topology, UserError
from topoeval.metrics import betti_numbers
from topoeval.persistence import compute, match
from topoeval.persistence.backends import betti_matching

CONVENTIONS = list(
    itertools.product(
        "VT", ("superlevel", "sublevel"), ("plain", "framed"), ("union", "intersection")
    )
)


def rows(matching):
    """Columns as a sorted list of tuples."""
    table = matching.numpy()
    columns = (table.image, table.dim, table.p_birth, table.p_death, table.g_birth, table.g_death)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def maps(*shape, seed=0):
    """Two distinct-valued maps, alike enough to share features."""
    p, noise = np.random.default_rng([seed, *shape]).random((2, *shape))
    return p, 0.6 * p + 0.4 * noise


@pytest.mark.parametrize("shape", [(2, 9, 12), (2, 4, 5, 6)])
@pytest.mark.parametrize(("construction", "direction", "border", "comparison"), CONVENTIONS)
def test_bars_are_those_of_compute(shape, construction, direction, border, comparison):
    """Every bar of p and of g is there once, whatever the border; a map matches itself wholly."""
    topology = Topology(construction, direction, border)
    p, g = maps(*shape)
    ndim = len(shape) - 1
    found = match(p, g, topology, comparison=comparison, spatial_dims=ndim)
    for x, alone, birth, death in (
        (p, found.only_g, found.p_birth, found.p_death),
        (g, found.only_p, found.g_birth, found.g_death),
    ):
        bars = compute(x, topology, spatial_dims=ndim)
        expected = zip(bars.image, bars.dim, bars.birth_index, bars.death_index, strict=True)
        mine = zip(*(c[~alone] for c in (found.image, found.dim, birth, death)), strict=True)
        assert sorted(expected) == sorted(mine)
    same = match(p, p, topology, comparison=comparison, spatial_dims=ndim)
    assert same.matched.all()
    np.testing.assert_array_equal(same.p_birth, same.g_birth)
    np.testing.assert_array_equal(same.p_death, same.g_death)


@pytest.mark.parametrize("shape", [(9, 12), (4, 5, 6)])
@pytest.mark.parametrize(("construction", "direction", "border", "comparison"), CONVENTIONS)
def test_a_frame_is_a_layer_of_voxels(shape, construction, direction, border, comparison):
    """Framed is the plain matching of maps with a border beyond all their values."""
    if border == "plain":
        return
    p, g = maps(1, *shape, seed=1)
    first = 2.0 if direction == "superlevel" else -2.0
    around = [(0, 0)] + [(1, 1)] * len(shape)
    framed = match(
        p,
        g,
        Topology(construction, direction, border),
        comparison=comparison,
        spatial_dims=len(shape),
    )
    layered = match(
        *(np.pad(x, around, constant_values=first) for x in (p, g)),
        Topology(construction, direction),
        comparison=comparison,
        spatial_dims=len(shape),
    )

    def inside(index):
        """Translate an index of the larger image, by coordinates."""
        if index < 0:
            return index
        place = [c - 1 for c in np.unravel_index(index, [n + 2 for n in shape])]
        if any(not 0 <= c < n for c, n in zip(place, shape, strict=True)):
            return -1
        return int(np.ravel_multi_index(place, shape))

    expected = [(i, dim, *map(inside, ends)) for i, dim, *ends in rows(layered)]
    assert rows(framed) == sorted(expected)
    assert (framed.p_birth == -1).any()


def test_a_batch_is_its_pairs_in_turn():
    """Channels and images are numbered on; strides, dims and threads change nothing."""
    p, g = maps(2, 3, 8, 9)
    whole = match(p, g, spatial_dims=2)
    assert whole.batch_shape == (2, 3)
    assert whole.n_images == 6
    one_by_one = [
        (3 * b + c, *row[1:])
        for b, c in itertools.product(range(2), range(3))
        for row in rows(match(p[b, c][None], g[b, c][None]))
    ]
    assert rows(whole) == sorted(one_by_one)
    turned = match(p.swapaxes(2, 3).copy().swapaxes(2, 3), g, spatial_dims=2, threads=2)
    assert rows(turned) == rows(whole)
    loops = match(p, g, dims=[1], spatial_dims=2)
    assert rows(loops) == [row for row in rows(whole) if row[1] == 1]
    assert rows(whole.rows(whole.dim == 1)) == rows(loops)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("mask", [torch.bool, torch.uint8, torch.int64, torch.float32])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_tensors_of_any_dtypes_are_compared_as_numbers(dtype, mask, border):
    """A map and a mask need no common dtype; columns are tensors where p is one."""
    p, g = maps(2, 1, 9, 9)
    p = torch.from_numpy(p).to(dtype).requires_grad_()
    g = torch.from_numpy(g > 0.5).to(mask)
    topology = Topology("V", border=border)
    found = match(p, g, topology, spatial_dims=2)
    assert isinstance(found.p_birth, torch.Tensor)
    wide = match(p.detach().double().numpy(), g.double().numpy(), topology, spatial_dims=2)
    assert rows(found) == rows(wide)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from("VT"),
    st.sampled_from(["plain", "framed"]),
    st.sampled_from(["union", "intersection"]),
)
def test_masks_have_as_many_errors_as_betti_numbers_differ(seed, construction, border, comparison):
    """The Betti matching error lies between the difference and the sum of the Betti numbers."""
    rng = np.random.default_rng(seed)
    for shape in ((3, 7, 8), (3, 3, 4, 3)):
        sizes = rng.choice([0, 0.3, 0.6, 1], (2, 3, *[1] * (len(shape) - 1)))
        p, g = rng.random((2, *shape)) < sizes
        topology, ndim = Topology(construction, border=border), len(shape) - 1
        found = match(p, g, topology, comparison=comparison, spatial_dims=ndim).errors(p, g)
        ours, theirs = (betti_numbers(x, topology, spatial_dims=ndim) for x in (p, g))
        assert (found >= np.abs(ours - theirs)).all()
        assert (found <= ours + theirs).all()
        assert ((found - ours - theirs) % 2 == 0).all()
        assert (
            not match(p, p, topology, comparison=comparison, spatial_dims=ndim).errors(p, p).any()
        )


@pytest.mark.parametrize("shape", [(7, 8), (30, 33), (5, 6, 5)])
def test_v_superlevel_is_the_published_module(shape):
    """Matched pairs and single bars, voxel by voxel, of the compiled module inside topolosses."""
    if importlib.util.find_spec("topolosses") is None:
        pytest.skip("topolosses is not installed (pip install --no-deps topolosses)")
    peer = betti_matching._library()  # loaded twice in one process, it registers its types twice
    for seed in range(10):
        p, g = maps(1, *shape, seed=seed)
        found = match(p, g, Topology("V"), spatial_dims=len(shape))
        theirs = peer.compute_matching(-p[0], -g[0])  # sublevel sets is all it knows
        expected = []
        for dim in range(len(shape)):

            def voxels(side, kind, end, dim=dim, theirs=theirs):
                places = getattr(theirs, f"input{side}_{kind}_{end}_coordinates")[dim]
                places = np.asarray(places, int).reshape(-1, len(shape)).T
                return np.ravel_multi_index(tuple(places), shape).tolist()

            ends = [voxels(side, "matched", end) for side in (1, 2) for end in ("birth", "death")]
            expected += [(0, dim, *row) for row in zip(*ends, strict=True)]
            alone = [
                zip(*(voxels(side, "unmatched", end) for end in ("birth", "death")), strict=True)
                for side in (1, 2)
            ]
            expected += [(0, dim, *bar, -2, -2) for bar in alone[0]]
            expected += [(0, dim, -2, -2, *bar) for bar in alone[1]]
        essential = found.p_death == -1  # the peer does not list the class that never dies
        assert rows(found.rows(~essential)) == sorted(expected)


def test_errors_are_counted_in_masks_only():
    """A grey map has no Betti matching error before somebody says which threshold."""
    p = np.random.default_rng(0).random((1, 5, 5))
    with pytest.raises(UserError, match="boolean masks"):
        match(p, p).errors(p, p)


def test_union_and_intersection_differ():
    """Components that touch without overlapping meet in the union only."""
    p, g = np.zeros((2, 1, 3, 9), bool)
    p[0, 1, :3] = p[0, 1, 6] = True
    g[0, 1, 1:4] = g[0, 1, 7] = True
    assert match(p, g).errors(p, g).tolist() == [[0, 0]]
    assert match(p, g, comparison="intersection").errors(p, g).tolist() == [[2, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"g": np.zeros((1, 4, 6))}, "shapes"),
        ({"p": np.zeros((1, 4, 0)), "g": np.zeros((1, 4, 0))}, "empty"),
        ({"p": np.full((1, 4, 5), np.nan)}, "NaN"),
        ({"g": np.full((1, 4, 5), np.inf)}, "infinite"),
        ({"dims": [2]}, "dims must be"),
        ({"comparison": "both"}, "'both'"),
        ({"threads": 0}, "threads"),
        ({"p": np.zeros((1, 4, 5), complex)}, "complex"),
        ({"p": np.full((1, 4, 5), 2**60)}, "2\\^53"),
        ({"p": np.zeros((1, 1, 4, 5)), "g": np.zeros((1, 1, 4, 5))}, "spatial_dims"),
    ],
)
def test_bad_input_is_one_line(change, message):
    """The error names what is wrong."""
    arguments = {"p": np.zeros((1, 4, 5)), "g": np.zeros((1, 4, 5)), **change}
    with pytest.raises(UserError, match=message) as caught:
        match(**arguments)
    assert "\n" not in str(caught.value)
