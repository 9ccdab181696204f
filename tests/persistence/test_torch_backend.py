"""Backend `torch`: right on thousands of images, bounded in rounds and memory, and it stays put."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from topoeval import Topology, UnavailableError, UserError
from topoeval.losses import BettiPriorLoss
from topoeval.persistence import BACKENDS, compute
from topoeval.persistence._parallel import links, order, pairing
from topoeval.persistence._parallel.saddles import Edges
from topoeval.persistence.backends import resolve
from topoeval.persistence.backends import torch as backend
from topoeval.persistence.backends.torch import Torch
from topoeval.registry import State

TOPOLOGIES = [
    Topology(*choice)
    for choice in itertools.product("VT", ("superlevel", "sublevel"), ("plain", "framed"))
]


@pytest.fixture(params=["native", "gudhi"])
def reference(request):
    """An engine that knows nothing of this one; a visible skip where it is not installed."""
    status = BACKENDS.status(request.param)
    if status.state is State.MISSING:
        pytest.skip(f"{request.param} is not installed: {status.reason}")
    return request.param


# --- Bars ---


def pictures(kind, n, shape, seed):
    """Images of one kind, as float64 ``(n, *shape)``."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*map(np.arange, shape), indexing="ij")
    if kind == "distinct":
        return (
            rng.permuted(np.tile(np.arange(np.prod(shape)), (n, 1)), axis=1).reshape(n, *shape) / 7
        )
    if kind == "tied":
        return rng.integers(0, rng.integers(2, 6), (n, *shape)).astype(float)
    if kind == "smooth":
        noise = rng.standard_normal((n, *shape))
        return ndimage.gaussian_filter(noise, (0, *[1.5] * len(shape)), mode="wrap")
    weight = rng.integers(0, 3, (n, *[1] * len(shape)))  # what is added to the regular pattern
    flat = {
        "constant": 0 * axes[0],
        "radial": sum((axis - side // 2) ** 2 for axis, side in zip(axes, shape, strict=True)),
        "checker": sum(axes) % 2,
        "stripes": axes[-1] % 2 + axes[0] / 16,
        "saw": np.where(axes[-1] % 2, 100 + axes[-1], 50 - axes[-1]) + axes[0] % 2 * 7,
    }[kind]
    return flat + weight * rng.random((n, *shape))


KINDS = ["distinct", "tied", "smooth", "constant", "radial", "checker", "stripes", "saw"]
PLANE = [(1, 1), (1, 9), (7, 1), (2, 2), (5, 8), (11, 9), (16, 13)]
SPACE = [(1, 1, 1), (1, 4, 5), (4, 3, 1), (3, 3, 3), (4, 5, 6)]


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_bars_of_thousands_of_images(reference, construction, kind):
    """2,256 images in all: 2D in both dimensions, 3D in all three, directions and borders mixed."""
    for number, (shapes, n) in enumerate([(PLANE, 18), (SPACE, 3)]):
        for place, shape in enumerate(shapes):
            images = pictures(kind, n, shape, seed=place)
            readings = [t for t in TOPOLOGIES if t.construction == construction]
            topology = readings[(place + KINDS.index(kind)) % 4]
            ndim = number + 2
            expected = compute(images, topology, backend=reference, spatial_dims=ndim)
            found = compute(images, topology, backend="torch", spatial_dims=ndim)
            assert found.multiset() == expected.multiset(), f"{kind} {topology} {shape}"


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("shape", [(3, 40, 56), (2, 12, 14, 10)])
def test_the_very_voxels_of_the_native_engine(topology, shape):
    """Where all values differ the pairs are unique, index by index."""
    images = pictures("distinct", shape[0], shape[1:], seed=3)
    ndim = len(shape) - 1
    tables = []
    for name in ("torch", "native"):
        bars = compute(images, topology, backend=name, spatial_dims=ndim)
        rows = np.column_stack([bars.image, bars.dim, bars.locations])
        tables.append(rows[np.lexsort(rows.T[::-1])])
    np.testing.assert_array_equal(*tables)
    assert len(tables[0]) > 50


# --- Links ---


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("corners", [False, True])
def test_what_may_join_has_two_components_of_older_neighbours(ndim, corners):
    """Tables and Euler numbers against labelling: all 256 links of a pixel, 3,000 of a voxel."""
    steps = order.neighbours(ndim)
    codes = np.arange(256)
    if ndim == 3:
        codes = np.random.default_rng(0).integers(0, 2**26, 3000)
        codes[:1000] |= np.random.default_rng(1).integers(0, 2**26, 1000)  # nearly all older,
        codes[1000:2000] &= codes[:1000]  # nearly none
        codes[:2] = 0, 2**26 - 1
    found = links.may_join(torch.from_numpy(codes).int(), ndim, corners).tolist()
    structure = ndimage.generate_binary_structure(ndim, ndim if corners else 1)
    for code, joins in zip(codes.tolist(), found, strict=True):
        older = np.zeros((3,) * ndim, bool)
        touching = np.zeros((3,) * ndim, bool)
        for bit, step in enumerate(steps):
            place = tuple(1 + move for move in step)
            # only faces and edges bridge neighbours through faces
            if corners or order.distance(step) <= 2:
                older[place] = code >> bit & 1
            touching[place] = corners or order.distance(step) == 1
        label, _ = ndimage.label(older, structure)
        components = set(label[older & touching].tolist())
        assert joins == (len(components) >= 2), f"{code:b}"


# --- Rounds ---


def kruskal(edges, n):
    """The elder rule, one edge after the other: what `pair` must answer."""
    parent, death = list(range(n)), [-1] * n

    def root(basin):
        while parent[basin] != basin:
            basin = parent[basin]
        return basin

    for one, other, key in zip(*(column.tolist() for column in edges), strict=True):
        older, younger = sorted((root(one), root(other)))
        if older != younger:
            parent[younger], death[younger] = older, key
    return death


def counted(monkeypatch):
    """A list that grows by one element each round."""
    rounds = []
    merge = pairing.merge
    monkeypatch.setattr(pairing, "merge", lambda *arguments: rounds.append(1) or merge(*arguments))
    return rounds


def edges_of(one, other, key):
    columns = (
        torch.as_tensor(np.asarray(column), dtype=torch.int32) for column in (one, other, key)
    )
    return Edges.sorted(*columns)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_rounds_are_kruskal_and_at_most_log2(data):
    """Random graphs, trees and paths with random ages and tied keys."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n = data.draw(st.integers(2, 60))
    kind = data.draw(st.sampled_from(["graph", "tree", "path", "star"]))
    name = rng.permutation(n)
    first, second = {
        "graph": lambda: rng.integers(0, n, (2, 3 * n)),
        "tree": lambda: (np.arange(1, n), [rng.integers(0, i) for i in range(1, n)]),
        "path": lambda: (np.arange(1, n), np.arange(n - 1)),
        "star": lambda: (np.arange(1, n), np.zeros(n - 1, int)),
    }[kind]()
    one, other = name[first], name[second]
    key = rng.integers(0, data.draw(st.sampled_from([2, n, 10**6])), len(one))
    loops = one == other
    edges = edges_of(one[~loops], other[~loops], key[~loops])
    with pytest.MonkeyPatch.context() as patch:
        rounds = counted(patch)
        found = pairing.pair(edges, n)
    assert found.tolist() == kruskal(edges, n)
    assert len(rounds) <= math.ceil(math.log2(n))


def chain(k):
    """Minima that get deeper along a row while the saddles between them get higher."""
    place = np.arange(2 * k - 1)
    return np.where(place % 2, 2.0 * k + place, 2.0 * k - place)[None, None]


def comb(k):
    """A chain as the spine, and in each tooth a chain of its own."""
    image = np.full((2 * k - 1, 2 * k - 1), 1e6) + np.arange(2 * k - 1)
    image[0] = 1000 * chain(k)[0, 0]
    for tooth in range(0, 2 * k - 1, 2):
        image[1:, tooth] = image[0, tooth] + (chain(k)[0, 0] - 2 * k)[1:] / (1 + tooth)
    return image[None]


def saw_tooth(k):
    """Rows of teeth, each row a chain in the other direction, walls between them."""
    image = np.full((2 * k - 1, 2 * k - 1), 1e4) + np.arange(2 * k - 1)[:, None]
    image[::2] = chain(k)[0, 0] + np.arange(k)[:, None] / (2 * k)
    image[2::4] = image[2::4, ::-1].copy()
    return image[None]


@pytest.mark.parametrize(
    "image", [chain(1024), comb(32), saw_tooth(32)], ids=["chain", "comb", "saw"]
)
@pytest.mark.parametrize("topology", [t for t in TOPOLOGIES if not t.superlevel], ids=str)
@pytest.mark.parametrize("dim", [0, 1])
def test_chains_combs_and_saw_teeth_keep_to_log2_rounds(image, topology, dim, monkeypatch):
    """Images on which merging only younger into older takes a round a minimum."""
    rounds = counted(monkeypatch)
    basins = []
    pair = pairing.pair
    monkeypatch.setattr(
        "topoeval.persistence._parallel.plain.pair",
        lambda edges, n: basins.append(n) or pair(edges, n),
    )
    found = compute(image, topology, [dim], backend="torch")
    rooted = topology.framed == (dim == 0)
    minima = basins[0] if rooted else basins[0] - 1  # what lies beyond the border takes no part
    assert len(rounds) <= math.ceil(math.log2(minima))
    assert found.multiset() == compute(image, topology, [dim], backend="native").multiset()
    if dim == 0 and topology.construction == "V" and not topology.framed:
        assert basins[0] > 1000
        assert len(rounds) >= 1


# --- Where it works, and on what ---


def test_the_same_table_every_time():
    """Twenty calls, row by row; noise, ties and all dimensions."""
    x = torch.from_numpy(pictures("tied", 4, (50, 60), seed=1))
    volume = torch.from_numpy(pictures("distinct", 2, (9, 10, 11), seed=1))
    for images, dims in ((x, (0, 1)), (volume, (0, 1, 2))):
        for topology in TOPOLOGIES[::3]:
            first = Torch().compute_tensor(images, topology, dims)
            for _ in range(20):
                assert torch.equal(Torch().compute_tensor(images, topology, dims), first)


@pytest.mark.parametrize("shape", [(2, 2, 13, 17), (2, 1, 5, 6, 7)])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_gradients_are_those_of_the_native_engine(shape, dtype):
    """The same voxels get the same gradient, strided input and half precision included."""
    ndim = len(shape) - 2
    values = torch.randperm(math.prod(shape), generator=torch.Generator().manual_seed(0))
    gradients = []
    for name in ("torch", "native"):
        x = (values % 250 / 256).reshape(shape).to(getattr(torch, dtype)).transpose(-1, -2)
        x = (
            x + torch.arange(shape[-1])[:, None] / 512 if dtype == "float64" else x
        ).requires_grad_()
        bars = compute(x, Topology("V", border="framed"), backend=name, spatial_dims=ndim)
        (bars.lengths() ** 2).sum().backward()
        assert bars.birth.dtype == x.dtype
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().sum() > 0


def test_nothing_of_an_image_goes_to_the_host(monkeypatch):
    """Persistence, loss and gradient in 2D call nothing that copies from a device."""

    def refuse(*_, **__):
        raise AssertionError("a tensor was copied to the host")

    for method in ("cpu", "numpy", "tolist", "__array__"):
        monkeypatch.setattr(torch.Tensor, method, refuse)
    x = torch.rand(2, 1, 20, 30, requires_grad=True)
    BettiPriorLoss((1, 2), backend="torch")(x).backward()
    assert torch.isfinite(x.grad).all()
    with pytest.raises(AssertionError, match="copied to the host"):
        BettiPriorLoss((1, 2), backend="native")(x)


@pytest.mark.parametrize("shape", [(2, 20, 30), (2, 5, 6, 7)])
def test_everything_is_made_on_the_device_of_the_images(shape):
    """With another default device nothing lands there: mixing the two would raise."""
    x = torch.rand(shape)
    expected = compute(x, backend="torch", spatial_dims=len(shape) - 1).multiset()
    with torch.device("meta"):
        bars = compute(x, backend="torch", spatial_dims=len(shape) - 1)
    assert bars.multiset() == expected


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint32", "uint64", "int32", "int64"])
def test_tensors_of_whole_numbers(dtype):
    """Each dtype is ordered as its values are, largest ones included."""
    top, levels = (1, 2) if dtype == "bool" else (np.iinfo(dtype).max, 9)
    below = np.random.default_rng(0).integers(0, levels, (2, 6, 7))
    images = (np.array(top, object) - below).astype(dtype)
    x = torch.from_numpy(images)
    for topology in TOPOLOGIES[::3]:
        found = compute(x, topology, backend="torch", spatial_dims=2)
        expected = compute(images, topology, backend="native")
        assert found.multiset() == expected.multiset()


@pytest.mark.parametrize(
    "x",
    [
        torch.full((1, 2, 2), torch.nan),
        torch.tensor([[[0.0, 1.0]], [[torch.inf, 0.0]]]),
        torch.zeros(1, 2, 2, dtype=torch.complex64),
    ],
    ids=["nan", "inf", "complex"],
)
def test_bad_values_are_named_on_the_device_as_on_the_host(x):
    """The same line as from an array."""
    messages = []
    for name in ("torch", "native"):
        with pytest.raises(UserError) as caught:
            compute(x, backend=name)
        messages.append(str(caught.value).replace("torch.", ""))
    assert messages[0] == messages[1]


def test_auto_follows_the_device(monkeypatch):
    """CUDA, which is also what torch calls ROCm: torch; CPU, MPS and all others: native."""
    for device, name in (("cpu", "native"), ("cuda", "torch"), ("mps", "native")):
        assert resolve("auto", 2, Topology(), device=device).info.name == name
    assert resolve("auto", 2, Topology()).info.name == "native"
    asked = []

    def stop(*_, device, **__):
        asked.append(device)
        raise UnavailableError("as far as this test goes")

    # as a module: the package has a function of that name
    module = sys.modules["topoeval.persistence.compute"]
    monkeypatch.setattr(module, "resolve", stop)
    monkeypatch.setattr(module, "check_dense", lambda x: None)  # a meta tensor stands for CUDA here
    for device in ("cpu", "meta"):
        with pytest.raises(UnavailableError, match="this test"):
            compute(torch.empty(1, 3, 3, device=device))
    assert asked == ["cpu", "meta"]


def test_a_batch_beyond_32_bits_is_taken_in_parts(monkeypatch):
    """The same table, images numbered through; one image alone too large is refused."""
    images = torch.from_numpy(pictures("tied", 7, (6, 5), seed=2))
    expected = Torch().compute_tensor(images, Topology(), (0, 1))
    monkeypatch.setattr(backend, "_NUMBERS", 200)  # three images of two graphs of 32 nodes
    assert torch.equal(Torch().compute_tensor(images, Topology(), (0, 1)), expected)
    monkeypatch.setattr(backend, "_NUMBERS", 60)
    with pytest.raises(UnavailableError, match="an image of 30 exceeds: use native"):
        Torch().compute_tensor(images, Topology(), (0, 1))
