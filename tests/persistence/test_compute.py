"""`compute` itself: shapes, gradients, and one clear line for bad input."""

import numpy as np
import pytest
import torch

from topoeval import Topology, UnavailableError, UserError
from topoeval.persistence import BACKENDS, compute
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
