"""Betti matching by tensor operations: the matching of the native engine, row by row."""

import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from topoeval import Topology, UnavailableError, UserError
from topoeval.losses import BettiMatchingLoss
from topoeval.persistence import backends, match
from topoeval.persistence._parallel import lattice, matching
from topoeval.persistence._parallel.elders import deaths

READINGS = list(
    itertools.product(
        [
            Topology(*choice)
            for choice in itertools.product("VT", ("superlevel", "sublevel"), ("plain", "framed"))
        ],
        ("union", "intersection"),
    )
)


def rows(found):
    """Rows as a sorted list of tuples."""
    table = found.numpy()
    columns = (table.image, table.dim, table.p_birth, table.p_death, table.g_birth, table.g_death)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


# --- The same matching ---


def pictures(kind, rng, n, shape):
    """Images of one kind, as float64 ``(n, *shape)``."""
    noise = rng.random((n, *shape))
    if kind in ("smooth", "steps"):
        soft = ndimage.gaussian_filter(noise, (0, 1.5, 1.5), mode="wrap")
        soft = (soft - soft.min()) / max(np.ptp(soft), 1e-9)
        return soft if kind == "smooth" else np.round(8 * soft) / 8
    checker = np.broadcast_to(np.indices(shape).sum(0) % 2, noise.shape)
    return {
        "noise": lambda: noise,
        "tied": lambda: np.floor(noise * rng.integers(2, 6)),
        "mask": lambda: (noise < rng.choice([0.1, 0.4, 0.6, 0.9], (n, 1, 1))).astype(float),
        "constant": lambda: np.full_like(noise, 0.5),
        "checker": lambda: checker.astype(float),
        "rough checker": lambda: checker + noise,
    }[kind]()


KINDS = ["noise", "tied", "mask", "constant", "checker", "rough checker", "smooth", "steps"]
SHAPES = [(1, 1), (1, 9), (8, 1), (2, 2), (3, 5), (7, 6), (12, 9), (17, 21), (33, 31)]


@pytest.mark.parametrize("proper", [False, True])
@pytest.mark.parametrize(("topology", "comparison"), READINGS, ids=str)
def test_the_very_matching_of_the_native_engine(topology, comparison, proper):
    """2,592 pairs of images in all, in batches: the same bars by voxel, the same partners."""
    number = READINGS.index((topology, comparison))
    rng = np.random.default_rng([number, proper])
    for place, shape in enumerate(SHAPES):
        for turn in range(3):
            kinds = KINDS[(number + place) % 8], KINDS[(number + 3 * place + turn) % 8]
            p, g = (pictures(kind, rng, 3, shape) for kind in kinds)
            if turn == 2:  # two that are alike
                g = 0.8 * p + 0.2 * g
            tables = [
                rows(match(p, g, topology, comparison=comparison, proper=proper, backend=backend))
                for backend in ("torch", "native")
            ]
            assert len(tables[0]) == len(tables[1]), f"{kinds} {shape}"
            differ = sorted(set(tables[0]) ^ set(tables[1]))
            assert not differ[:4], f"{kinds} {shape}"


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 6)),
    reading=st.sampled_from(READINGS),
    dims=st.sampled_from([(0,), (1,), (0, 1)]),
    proper=st.booleans(),
)
def test_few_values_in_small_images(data, shape, reading, dims, proper):
    """Ties wherever they can be, with a counterexample that is small."""
    size = shape[0] * shape[1]
    p, g = (
        np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), np.uint8)
        for _ in range(2)
    )
    p, g = (x.reshape(1, *shape) for x in (p, g))
    topology, comparison = reading
    found, expected = (
        rows(match(p, g, topology, dims, comparison=comparison, proper=proper, backend=backend))
        for backend in ("torch", "native")
    )
    assert found == expected


def test_pairs_that_end_before_they_begin_are_looked_at():
    """The images above hold what tells the two readings apart."""
    rng = np.random.default_rng(0)
    p, g = rng.random((2, 20, 12, 13))
    counts = [
        int(match(p, g, proper=proper, backend="torch").matched.sum()) for proper in (False, True)
    ]
    assert counts[0] > counts[1] > 20


# --- Ages from another order ---


def kruskal(nodes, edges):
    """The elder rule, one edge after the other, all nodes there from the beginning."""
    height, width = nodes.shape
    age = nodes.ravel().tolist()
    parent, death = list(range(len(age))), [-1] * len(age)

    def root(node):
        while parent[node] != node:
            node = parent[node]
        return node

    outside = [node for node, time in enumerate(age) if time == lattice.OUTSIDE]
    for node in outside:
        parent[node] = outside[0]
    met = []
    for direction, step in enumerate((1, width)):
        for place in itertools.product(range(height), range(width)):
            time = int(edges[direction, *place])
            one = place[0] * width + place[1]
            if time != lattice.NONE:
                met.append((time, one, one + step))
    for time, one, other in sorted(met):
        older, younger = sorted((root(one), root(other)), key=lambda node: age[node])
        if older != younger:
            parent[younger], death[younger] = older, time
    return death


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    outside_first=st.booleans(),
    upwards=st.booleans(),
    alike=st.booleans(),
)
def test_who_dies_is_kruskal(seed, shape, outside_first, upwards, alike):
    """Edges of one order and ages of another, not even nested: each death of each node."""
    rng = np.random.default_rng(seed)
    size = shape[0] * shape[1]
    orders = [rng.permutation(size).reshape(shape) for _ in range(2)]
    if alike:
        orders[1] = orders[0]
    make = lattice.ascending if upwards else lattice.descending
    both = make(torch.from_numpy(np.stack(orders)).int(), outside_first=outside_first)
    found = deaths(both.nodes, both.edges.flip(0))
    for k in range(2):
        expected = kruskal(both.nodes[k].numpy(), both.edges[1 - k].numpy())
        assert found[k].tolist() == expected


def test_cells_are_told_apart_by_their_times():
    """Every edge of an order has a time of its own, and so has every square inside."""
    ranks = torch.randperm(42, generator=torch.Generator().manual_seed(0)).reshape(6, 7).int()
    for make in (lattice.ascending, lattice.descending):
        for outside_first in (False, True):
            graph = make(ranks, outside_first=outside_first)
            inside = graph.nodes[graph.nodes != lattice.OUTSIDE]
            assert len(inside.unique()) == len(inside)
            times = graph.edges[graph.edges != lattice.NONE]
            rank = graph.rank(times)
            met = times[(rank >= 0) & (rank < 42)]
            assert len(met.unique()) == len(met)
            assert int(met.max()) < graph.n_times


# --- Where it works, and on what ---


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", "int64", "uint64", "float16", "float64"]
)
@pytest.mark.parametrize("mask", ["bool", "uint8", "int32", "float32", "same"])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_arrays_of_any_dtypes(dtype, mask, border):
    """Read-only, turned round, and mixed, they match as numbers do."""
    rng = np.random.default_rng(1)
    p = rng.integers(0, 2 if dtype == "bool" else 9, (2, 3, 7, 8)).astype(dtype)[..., ::-1]
    g = (rng.random(p.shape) < 0.5).astype(dtype if mask == "same" else mask)
    g.setflags(write=False)
    topology = Topology("V", border=border)
    found, expected = (
        match(p, g, topology, spatial_dims=2, backend=backend) for backend in ("torch", "native")
    )
    assert isinstance(found.image, np.ndarray)
    assert found.batch_shape == (2, 3)
    assert rows(found) == rows(expected)


@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.uint16, torch.int64])
def test_tensors_of_any_dtypes(dtype, border):
    """Tensors stay tensors; NumPy has no bfloat16, and torch sorts no uint16."""
    generator = torch.Generator().manual_seed(0)
    p = torch.randint(0, 50, (2, 9, 10), generator=generator).to(dtype)
    g = torch.rand(p.shape, generator=generator) < 0.5
    topology = Topology("T", border=border)
    for other in (g, p.flip(0)):
        found, expected = (match(p, other, topology, backend=b) for b in ("torch", "native"))
        assert isinstance(found.p_birth, torch.Tensor)
        assert rows(found) == rows(expected)


def test_minus_zero_is_zero():
    """In both maps, so in their comparison too."""
    p = torch.tensor([[[0.0, -0.0, 0.0, -1.0, 0.0], [-0.0, 0.0, -0.0, 0.0, -0.0]]])
    for topology, comparison in READINGS:
        found, expected = (
            rows(match(p, p.flip(2), topology, comparison=comparison, backend=backend))
            for backend in ("torch", "native")
        )
        assert found == expected


@pytest.mark.parametrize(
    ("p", "g", "border"),
    [
        (torch.full((1, 2, 2), torch.nan), torch.zeros(1, 2, 2), "plain"),
        (torch.zeros(2, 2, 2), torch.tensor([[[0.0, 1]] * 2, [[torch.inf, 0]] * 2]), "plain"),
        (torch.zeros(1, 2, 2, dtype=torch.complex64), torch.zeros(1, 2, 2), "plain"),
        (torch.full((1, 2, 2), 2**60), torch.zeros(1, 2, 2), "plain"),
        (torch.full((1, 2, 2), -(2**60)), torch.zeros(1, 2, 2, dtype=torch.int64), "framed"),
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), "plain"),
    ],
    ids=["nan", "inf", "complex", "wide", "framed", "shapes"],
)
def test_what_is_refused_is_refused_in_the_same_words(p, g, border):
    """From tensors and from arrays, here and by the native engine."""
    messages = set()
    for backend in ("torch", "native"):
        for pair in ((p, g), (p.numpy(), g.numpy())):
            with pytest.raises(UserError) as caught:
                match(*pair, Topology(border=border), backend=backend)
            messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_backend_that_cannot_is_named():
    """Volumes are for native, and other engines match nothing."""
    volume = np.zeros((1, 2, 3, 4))
    with pytest.raises(UnavailableError, match="2D images only: use native"):
        match(volume, volume, spatial_dims=3, backend="torch")
    with pytest.raises(UserError, match="'gudhi'"):
        match(volume, volume, spatial_dims=2, backend="gudhi")


def test_auto_follows_the_device(monkeypatch):
    """Where persistence stays on the device so does the matching of images, not of volumes."""
    used = []
    parallel = matching.matching
    monkeypatch.setattr(matching, "matching", lambda *x: used.append("torch") or parallel(*x))
    images, volumes = torch.rand(1, 4, 5), torch.rand(1, 3, 4, 5)
    match(images, images)
    assert used == []
    monkeypatch.setitem(backends._AUTO_ON, "cpu", "torch")
    match(images, images)
    assert used == ["torch"]
    match(volumes, volumes, spatial_dims=3)
    match(images, images, backend="native")
    assert used == ["torch"]


def test_a_batch_beyond_32_bits_is_taken_in_parts(monkeypatch):
    """The same table, images numbered through; one image alone too large is refused."""
    p, g = torch.rand(2, 7, 6, 5, generator=torch.Generator().manual_seed(0))
    expected = rows(match(p, g, backend="native"))
    monkeypatch.setattr(matching, "NODES_AT_ONCE", 3 * 10 * 9)
    assert rows(match(p, g, backend="torch")) == expected
    monkeypatch.setattr(matching, "NODES_AT_ONCE", 80)
    with pytest.raises(UnavailableError, match=re.escape("6 x 5 exceeds: use native")):
        match(p, g, backend="torch")


@pytest.mark.parametrize("shape", [(3, 20, 30), (1, 1, 1)])
def test_the_same_table_every_time_and_all_of_it_on_the_device(shape):
    """Rows by image, then dimension; with another default device nothing lands there."""
    p, g = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    first = match(p, g, backend="torch")
    place = 2 * first.image + first.dim
    assert torch.equal(place, place.sort().values)
    with torch.device("meta"):
        again = match(p, g, backend="torch")
    for name in ("image", "dim", "p_birth", "p_death", "g_birth", "g_death"):
        assert torch.equal(getattr(first, name), getattr(again, name))


def test_nothing_of_an_image_goes_to_the_host(monkeypatch):
    """Matching, loss and gradient in 2D call nothing that copies from a device."""

    def refuse(*_, **__):
        raise AssertionError("a tensor was copied to the host")

    x = torch.rand(2, 1, 20, 30, requires_grad=True)
    target = (torch.rand(2, 1, 20, 30) < 0.5).float()
    for method in ("cpu", "numpy", "tolist", "__array__"):
        monkeypatch.setattr(torch.Tensor, method, refuse)
    with pytest.raises(AssertionError, match="copied to the host"):
        BettiMatchingLoss()(x, target)
    monkeypatch.setitem(backends._AUTO_ON, "cpu", "torch")
    BettiMatchingLoss()(x, target).backward()
    assert x.grad.abs().sum() > 0
