"""`compute` itself: shapes, gradients, and one clear line for bad input."""

import warnings

import numpy as np
import pytest
import torch

from topoeval import Topology, UnavailableError, UserError
from topoeval.persistence import BACKENDS, Barcodes, Info, compute, match
from topoeval.persistence.backends.library import ValueLibraryBackend
from topoeval.persistence.backends.native import Native

RING = np.zeros((5, 5))
RING[1:4, 1:4] = 1.0
RING[2, 2] = 0.25


def test_known_bars_of_a_ring():
    """One component that never dies, one hole between the ring and its dimmer middle."""
    assert compute(RING[None], Topology("T")).multiset() == [
        (0, 0, 1.0, -np.inf),
        (0, 1, 1.0, 0.25),
    ]


def test_diagonal_pixels_are_one_component_in_t_and_two_in_v():
    """The construction is the connectivity."""
    diagonal = np.eye(2)[None]
    assert compute(diagonal, Topology("T")).betti_numbers(0.5).tolist() == [[1, 0]]
    assert compute(diagonal, Topology("V")).betti_numbers(0.5).tolist() == [[2, 0]]


def test_a_frame_makes_every_dark_region_a_hole():
    """Framed, two dark halves cut by a bright line are two holes of one component."""
    halves = np.zeros((1, 5, 5))
    halves[0, 2] = 1
    assert compute(halves, Topology("T")).betti_numbers(0.5).tolist() == [[1, 0]]
    framed = Topology("T", border="framed")
    assert compute(halves, framed).betti_numbers(0.5).tolist() == [[1, 2]]
    assert compute(np.zeros((1, 3, 3)), framed).betti_numbers(0.5).tolist() == [[1, 1]]


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 3, 6, 5), (2, 4, 6, 5), (2, 3, 4, 6, 5)])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_shapes_and_image_numbers(shape, kind):
    """Channels are images of their own, numbered b * C + c."""
    ndim = 2 if shape in ((2, 6, 5), (2, 3, 6, 5)) else 3
    x = np.random.default_rng(0).random(shape)
    bars = compute(x if kind == "numpy" else torch.from_numpy(x), spatial_dims=ndim)
    assert bars.batch_shape == shape[:-ndim]
    assert bars.spatial_shape == shape[-ndim:]
    essential = bars.numpy().image[bars.numpy().essential]
    assert essential.tolist() == list(range(bars.n_images))


def test_gradients_reach_exactly_the_named_voxels():
    """The derivative of a sum of births counts how often each voxel gives birth."""
    x = torch.rand(2, 6, 6, dtype=torch.double, requires_grad=True)
    bars = compute(x)
    bars.birth.sum().backward()
    expected = np.zeros(72)
    np.add.at(expected, (bars.image * 36 + bars.birth_index).numpy(), 1)
    np.testing.assert_array_equal(x.grad.flatten().numpy(), expected)


def test_torch_and_numpy_give_the_same_table():
    """Tensors are read, not reinterpreted: also when bfloat16, strided or on the graph."""
    x = torch.rand(2, 8, 9).transpose(1, 2)
    assert compute(x).multiset() == compute(x.numpy()).multiset()
    half = x.to(torch.bfloat16)
    assert compute(half).multiset() == compute(half.float().numpy()).multiset()
    assert compute(half).birth.dtype == torch.bfloat16


def test_betti_numbers_of_a_threshold():
    """Bars alive at t count the components and holes of the mask at t, on both sides of a value."""
    bars = compute(RING[None], Topology("T"))
    assert bars.betti_numbers(0.25).tolist() == [[1, 0]]
    assert bars.betti_numbers(0.26).tolist() == [[1, 1]]
    assert bars.betti_numbers(1.1).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((5, 5)), ["(5, 5)", "x[None]"]),
        (np.zeros((2, 3, 5, 5)), ["spatial_dims=2 or spatial_dims=3"]),
        (np.zeros((1, 1, 1, 1, 5, 5)), ["(1, 1, 1, 1, 5, 5)"]),
        (np.zeros((0, 5, 5)), ["empty", "(0, 5, 5)"]),
        (np.zeros((2, 5, 0)), ["empty"]),
        (np.full((1, 2, 2), np.nan), ["4 NaN", "image 0"]),
        (np.array([[[0.0, 1.0]], [[np.inf, 0.0]]]), ["1 infinite", "image 1"]),
        (np.zeros((1, 2, 2), complex), ["complex128"]),
    ],
    ids=["rank2", "rank4", "rank6", "no-image", "no-pixel", "nan", "inf", "complex"],
)
def test_bad_input_is_one_line_that_names_it(x, words):
    """Every message holds the value and the remedy."""
    with pytest.raises(UserError) as caught:
        compute(x)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_bad_dims_and_backends():
    """Names get the nearest known one."""
    with pytest.raises(UserError, match=r"some of \(0, 1\).*\(2,\)"):
        compute(RING[None], dims=[2])
    with pytest.raises(UserError, match="unknown backend 'gudih'; did you mean 'gudhi'"):
        compute(RING[None], backend="gudih")


def test_a_backend_that_is_not_installed_says_how_to_get_it(monkeypatch):
    """The state is found without importing anything."""
    monkeypatch.setitem(BACKENDS._requires, "gudhi", ("a_module_that_is_not_there",))
    with pytest.raises(UnavailableError, match=r'pip install "topoeval\[gudhi\]"'):
        compute(RING[None], backend="gudhi")
    assert "gudhi" not in BACKENDS.available()


def test_a_backend_may_be_given_with_its_settings():
    """Threads change the time, never the bars; their default follows OMP_NUM_THREADS."""
    x = np.random.default_rng(1).random((5, 40, 30))
    expected = compute(x)
    for threads in (1, 3):
        bars = compute(x, backend=Native(threads=threads))
        np.testing.assert_array_equal(bars.birth_index, expected.birth_index)
        np.testing.assert_array_equal(bars.death_index, expected.death_index)


def test_default_threads(monkeypatch):
    """The environment decides, then the cores this process may use."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Native().threads == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert Native().threads >= 1


class ValuesOnly(ValueLibraryBackend):
    """An engine that knows the values of one bar and no voxel."""

    info = Info(
        name="values_only",
        title="Values only",
        package="none",
        licence="MIT",
        gives_locations=False,
        citation="none",
    )

    def diagrams(self, images, construction, dims):
        """Return the essential class of each image, and one bar of length zero."""
        return [
            [
                np.array([[image.min(), np.inf], [1.0, 1.0]]) if dim == 0 else np.empty((0, 2))
                for dim in dims
            ]
            for image in images
        ]


def test_bars_without_voxels_count_and_measure_but_name_nothing():
    """Values serve metrics and plots: every method works but those that need voxels."""
    x = np.random.default_rng(0).random((3, 5, 6))
    bars = compute(x, Topology("T"), backend=ValuesOnly())
    full = compute(x, Topology("T"))
    essential = full.essential
    assert bars.locations is None
    np.testing.assert_array_equal(bars.birth, full.birth[essential])
    assert bars.essential.all()
    np.testing.assert_array_equal(bars.lengths(), full.lengths()[essential])
    assert bars.betti_numbers(0.5).tolist() == [[1, 0]] * 3
    assert bars.select([2, 2]).birth.tolist() == [bars.birth[2]] * 2
    assert Barcodes.concatenate([bars, bars]).batch_shape == (6,)
    assert Barcodes.concatenate([bars, bars]).locations is None
    for name in ("birth_index", "death_index"):
        with pytest.raises(UnavailableError, match=r"values without voxels.*use native"):
            getattr(bars, name)
    with pytest.raises(UserError, match="do not mix"):
        Barcodes.concatenate([bars, full])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_tensors_without_a_gradient_may_come_without_voxels(dtype):
    """Births and deaths in the dtype of the input; `numpy` and `multiset` as ever."""
    x = torch.randint(0, 200, (2, 4, 5)).to(getattr(torch, dtype))
    bars = compute(x, Topology("T", "sublevel"), backend=ValuesOnly())
    assert bars.birth.dtype == (torch.float64 if dtype == "int64" else x.dtype)
    assert bars.birth.tolist() == x.flatten(1).min(1).values.tolist()
    assert bars.numpy().locations is None
    assert bars.multiset() == [(n, 0, birth, np.inf) for n, birth in enumerate(bars.birth.tolist())]


def test_a_gradient_needs_voxels():
    """One line with the reason and the remedy; not asked for, no gradient is no obstacle."""
    x = torch.rand(1, 4, 4, requires_grad=True)
    reason = "^backend 'values_only' gives values, not voxels; a loss needs voxels: use native$"
    with pytest.raises(UnavailableError, match=reason):
        compute(x, backend=ValuesOnly())
    with torch.no_grad():
        assert len(compute(x, backend=ValuesOnly())) == 1
    assert len(compute(x.detach(), backend=ValuesOnly())) == 1


def _step(network, x):
    bars = compute(torch.sigmoid(network(x)), spatial_dims=2)
    return (bars.lengths() ** 2).sum()


def test_a_compiled_step_has_the_values_and_gradients_of_the_plain_one():
    """`torch.compile` stops at `compute` without a warning and goes on behind it."""
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    batches = [torch.rand(2, 1, 9, 8), torch.rand(3, 1, 7, 9)]  # a new shape compiles anew
    compiled = torch.compile(_step, backend="aot_eager")
    for x in batches:
        plain = _step(network, x)
        (expected,) = torch.autograd.grad(plain, network.weight)
        with warnings.catch_warnings(record=True) as caught:
            loss = compiled(network, x)
        assert not [w for w in caught if "Dynamo" in str(w.message)]
        (found,) = torch.autograd.grad(loss, network.weight)
        torch.testing.assert_close(loss, plain)
        torch.testing.assert_close(found, expected)


def test_autocast_changes_nothing_between_the_map_and_its_bars():
    """Bars of a bfloat16 map are bfloat16, equal to those outside, and carry its gradient."""
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    x = torch.rand(2, 1, 9, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        probabilities = torch.sigmoid(network(x))
        probabilities.retain_grad()
        bars = compute(probabilities, spatial_dims=2)
        bars.birth.float().sum().backward()
    assert probabilities.dtype == bars.birth.dtype == torch.bfloat16
    assert bars.multiset() == compute(probabilities.detach(), spatial_dims=2).multiset()
    assert float(probabilities.grad.sum()) == len(bars)
    assert network.weight.grad.isfinite().all()


def _record_field(values):
    """Return the values as a field of records, which begins at an odd byte."""
    records = np.zeros(values.shape, dtype=[("flag", "u1"), ("value", values.dtype)])
    records["value"] = values
    return records["value"]


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_values_lie_wherever_numpy_and_torch_put_them(backend):
    """Fields of records, foreign byte order, views of a conjugate: one barcode (D14)."""
    x = np.random.default_rng(0).random((2, 6, 7)).astype(np.float32)
    spectrum = torch.complex(torch.from_numpy(x), torch.from_numpy(-x))
    wanted = compute(x, backend=backend).multiset()
    assert not _record_field(x).flags.aligned
    for stored in (
        _record_field(x),
        x.astype(">f4"),
        np.asfortranarray(x),
        torch.conj(spectrum).imag,
        torch.conj(spectrum).real,
    ):
        assert compute(stored, backend=backend).multiset() == wanted
    p, g = torch.conj(spectrum).imag, _record_field(x[::-1])
    found, plain = match(p, torch.from_numpy(g.copy())), match(x, x[::-1].copy())
    assert found.numpy().p_birth.tolist() == plain.p_birth.tolist()
    assert match(x, g).p_birth.tolist() == plain.p_birth.tolist()


def test_a_gradient_flows_through_a_view_of_a_conjugate():
    """As through the values themselves."""
    x = torch.rand(1, 5, 5)
    spectrum = torch.complex(x, -x).requires_grad_()
    bars = compute(torch.conj(spectrum).imag, dims=0)
    bars.birth.sum().backward()
    assert spectrum.grad.imag.sum() == -len(bars.birth)


def test_a_masked_array_is_refused_where_it_hides_values():
    """No image has missing voxels; a masked array that hides nothing is an array."""
    hidden = np.ma.masked_less(RING[None], 0.5)
    with pytest.raises(UserError, match=r"17 masked value\(s\); fill them first"):
        compute(hidden)
    with pytest.raises(UserError, match="fill them first"):
        match(hidden, RING[None])
    assert compute(np.ma.masked_array(RING[None])).multiset() == compute(RING[None]).multiset()


def test_one_dimension_and_a_text_of_a_topology_are_taken():
    """`dims=1` is `dims=[1]`, "V" is `Topology("V")`; other things are one clear line."""
    assert compute(RING[None], "V", dims=1).multiset() == [(0, 1, 1.0, 0.25)]
    for dims in ("1", [1.0], 1.5, [None]):
        with pytest.raises(UserError, match="dims must be whole numbers"):
            compute(RING[None], dims=dims)
    with pytest.raises(UserError, match="topology construction must be one of"):
        compute(RING[None], "X")
    with pytest.raises(UserError, match="a topology is a Topology or a text"):
        match(RING[None], RING[None], 3)


def test_sparse_tensors_are_refused_in_one_line():
    """As of one dimension they are said to be what they are."""
    sparse = torch.from_numpy(RING)[None].to_sparse()
    for call in (lambda: compute(sparse), lambda: match(sparse, sparse)):
        with pytest.raises(UserError, match="takes dense tensors, got one of layout"):
            call()
    with pytest.raises(UserError, match="spatial_dims must be 2 or 3, got 1"):
        compute(RING[None], spatial_dims=1)


def test_arrays_without_plain_values_are_told_in_words_that_are_true():
    """Long floats, tensors without values, truth values as dimensions (variants of D14)."""
    x = np.random.default_rng(0).random((1, 6, 6))
    if np.dtype(np.longdouble).itemsize > 8:
        with pytest.raises(UserError, match=r"64 bits at most.* x\.astype"):
            compute(x.astype(np.longdouble))
    with pytest.raises(UserError, match="no values"):
        compute(torch.rand(1, 6, 6, device="meta"))
    for dims in (True, [False, 1], np.bool_(True), 0.5, "1", [1.0]):
        with pytest.raises(UserError, match="dims must be"):
            compute(x, dims=dims)
    for dims in (np.int64(1), np.array([1]), (1, 1)):
        assert compute(x, dims=dims).dims == (1,)
