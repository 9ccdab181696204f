"""The soft skeleton: its published recursion, its gradient, and what it costs in memory."""

import os
import subprocess
import sys

import pytest
import torch
from monai.losses.cldice import soft_skel
from torch.nn import functional as F

from topoeval import UserError
from topoeval.digital import soft_skeleton as module
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


_AGREE = """
import itertools
import torch
from topoeval.digital import soft_skeleton as module

shapes = [(2, 2, 9, 7), (1, 1, 3, 50), (1, 2, 5, 6, 4), (1, 1, 1, 6), (1, 1, 1, 1), (2, 1, 1, 1, 3)]
kinds = itertools.product(shapes, (torch.float32, torch.float64), (0, 1, 4), (3, 1000))
for shape, dtype, iterations, levels in kinds:
    generator = torch.Generator().manual_seed(levels)
    maps = torch.randint(levels, shape, generator=generator).to(dtype) / (levels - 1)
    grad = torch.randn(shape, generator=generator, dtype=dtype)
    leaf = maps.clone().requires_grad_()
    skeleton = module.soft_skeleton(leaf, iterations)
    (gradient,) = torch.autograd.grad(skeleton, leaf, grad)
    assert module._is_for_the_engine(maps)
    assert torch.equal(skeleton, module._skeleton(maps, iterations))
    assert torch.equal(gradient, module._gradient(maps, grad, iterations))
"""


def test_engine_and_torch_agree_to_the_last_bit():
    """Values and gradients, with many equal values."""
    exec(_AGREE, {})


def test_engine_and_torch_agree_without_wide_instructions():
    """The same in a process that is told to use the oldest instructions."""
    environment = os.environ | {"TOPOEVAL_ISA": "baseline"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _AGREE], env=environment, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr


def test_threads_do_not_change_the_answer(monkeypatch):
    """Nor does the layout of the maps in memory."""
    monkeypatch.setattr(module, "_WORTH_A_THREAD", 1)
    maps = distinct_map(5, 3, 12, 11).transpose(-1, -2)
    answers = []
    for threads in (1, 4):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            leaf = maps.clone().requires_grad_()
            skeleton = soft_skeleton(leaf, 2)
            answers += [skeleton, *torch.autograd.grad(skeleton.square().sum(), leaf)]
        finally:
            torch.set_num_threads(before)
    assert torch.equal(answers[0], answers[2])
    assert torch.equal(answers[1], answers[3])


def test_nan_spreads_as_in_torch():
    """Where it reaches, and no further."""
    maps = distinct_map(1, 1, 12, 12)
    maps[..., 2, 2] = torch.nan
    skeleton = soft_skeleton(maps, 1)
    assert skeleton[..., 2, 2].isnan()
    assert skeleton[..., 8:, 8:].isfinite().all()
