"""The soft skeleton: its published recursion, its gradient, and what it costs in memory."""

import pytest
import torch
from monai.losses.cldice import soft_skel
from torch.nn import functional as F

from topoeval import UserError
from topoeval.digital.soft_skeleton import soft_skeleton

SHAPES = [(2, 2, 9, 7), (1, 2, 5, 6, 4), (1, 1, 1, 6), (1, 1, 1, 1)]


def distinct_map(*shape, seed=0):
    """A map without ties, away from 0 and 1."""
    n = torch.Size(shape).numel()
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return ((order.double() + 1) / (n + 1)).reshape(shape)


def recursion(maps, iterations):
    """As the paper's algorithm reads, with pooling."""
    ndim = maps.ndim - 2
    pool = (F.max_pool2d, F.max_pool3d)[ndim - 2]

    def erode(x):
        lines = []
        for axis in range(ndim):
            size = [3 if i == axis else 1 for i in range(ndim)]
            padding = [(s - 1) // 2 for s in size]
            lines.append(-pool(-x, size, 1, padding))
        return torch.stack(lines).amin(0)

    def opened(x):
        return pool(erode(x), 3, 1, 1)

    skeleton = F.relu(maps - opened(maps))
    for _ in range(iterations):
        maps = erode(maps)
        delta = F.relu(maps - opened(maps))
        skeleton = skeleton + F.relu(delta - skeleton * delta)
    return skeleton


@pytest.mark.parametrize("iterations", [0, 1, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_is_the_recursion(shape, iterations):
    """On grey maps and on masks."""
    for maps in (distinct_map(*shape), (distinct_map(*shape) > 0.3).double()):
        torch.testing.assert_close(soft_skeleton(maps, iterations), recursion(maps, iterations))


@pytest.mark.parametrize("shape", [(2, 1, 40, 37), (1, 1, 14, 15, 16)])
def test_value_and_gradient_are_those_of_monai(shape):
    """Where no two values are equal, on maps with some large features."""
    pool = (F.avg_pool2d, F.avg_pool3d)[len(shape) - 4]
    generator = torch.Generator().manual_seed(0)
    maps = pool(torch.rand(shape, generator=generator, dtype=torch.float64), 3, 1, 1)
    gradients = []
    for function in (soft_skeleton, soft_skel):
        leaf = maps.clone().requires_grad_()
        value = function(leaf, 3)
        gradients.append((value.detach(), torch.autograd.grad(value.square().sum(), leaf)[0]))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("iterations", [0, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_equals_finite_differences(shape, iterations):
    """Away from ties."""
    maps = distinct_map(*shape, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_skeleton(x, iterations), maps, eps=1e-6)


def test_the_gradient_of_ties_is_not_multiplied():
    """What reaches a plateau is shared out once."""
    maps = torch.full((1, 1, 5, 5), 0.5, dtype=torch.float64)
    maps[..., 2, 2] = 0.75
    maps.requires_grad_()
    (gradient,) = torch.autograd.grad(soft_skeleton(maps, 0)[..., 2, 2].sum(), maps)
    assert gradient[..., 2, 2].item() == 1
    assert gradient.sum().item() == pytest.approx(0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_stays_in_its_dtype_and_range(dtype):
    """And takes any strides."""
    maps = distinct_map(2, 1, 8, 9).to(dtype).transpose(2, 3)
    skeleton = soft_skeleton(maps, 2)
    assert skeleton.dtype == dtype
    assert skeleton.min() >= 0
    assert skeleton.max() <= 1
    torch.testing.assert_close(soft_skeleton(maps.contiguous(), 2), skeleton)


def test_only_the_input_is_kept_for_the_backward_pass():
    """However many iterations there are."""
    kept = []
    maps = distinct_map(1, 1, 8, 9).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        soft_skeleton(maps, 10)
    assert [tensor.data_ptr() for tensor in kept] == [maps.data_ptr()]


@pytest.mark.parametrize(
    ("maps", "iterations", "message"),
    [(torch.zeros(1, 1, 4, 4), -1, "negative"), (torch.zeros(4, 4), 1, "soft skeleton is of")],
)
def test_bad_input_is_refused(maps, iterations, message):
    """One line that says what is wrong."""
    with pytest.raises(UserError, match=message):
        soft_skeleton(maps, iterations)


def test_a_second_derivative_is_refused():
    """`autograd.grad` of a gradient with a graph would leave a part of it out without a word."""
    maps = torch.rand(1, 1, 7, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(soft_skeleton(maps, 2).square().sum(), maps, create_graph=True)
