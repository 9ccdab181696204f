"""How losses calculate: layouts, precisions, what is not finite, compiled and differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from topoeval.errors import UserError
from topoeval.testing.loss_subject import Subject
from topoeval.testing.results import NotApplicable

_HALF = {torch.float16: 0.1, torch.bfloat16: 0.2}
_TOLERANCE = {torch.float32: 1e-3, **_HALF}


def check_precisions(subject: Subject) -> None:
    """Half precision is widened: finite, near the float64 answer, gradient in its own dtype."""
    for logits, target in subject.cases():
        exact = subject.value(logits, target)
        for dtype, tolerance in _TOLERANCE.items():
            narrow = logits.to(dtype).requires_grad_()
            value = subject.value(narrow, target.to(dtype))
            assert value.dtype == torch.float32, f"{value.dtype} from {dtype}"
            error = abs(value.item() - exact.item())
            assert error <= tolerance * max(1.0, abs(exact.item())), f"{error} off in {dtype}"
            (gradient,) = torch.autograd.grad(value, narrow)
            assert gradient.dtype == dtype
            assert torch.isfinite(gradient).all(), f"gradient not finite in {dtype}"


def check_memory_layout(subject: Subject) -> None:
    """Value and gradient are those of the voxels, however these lie in memory.

    Fortran order, a rotated image, the axes of a NIfTI file, channels last, and a view of every
    second voxel; of one image, which many operations pass on as it lies, and of three.
    """
    for ndim in subject.info.ndims:
        for channels, batch in ((1, 1), (2, 1), (2, 3)):
            logits, target = subject.case(ndim, channels, batch)
            wanted = _value_and_gradient(subject, logits, target)
            for name, layout in _LAYOUTS.items():
                found = _value_and_gradient(subject, layout(logits), layout(target))
                where = f"{name}, {channels} channel(s), batch of {batch}, {ndim}D"
                for kind, ours, plain in zip(("value", "gradient"), found, wanted, strict=True):
                    apart = float((ours - plain).abs().max() / (1e-12 + plain.abs().max()))
                    assert apart < 1e-7, f"{kind} in {where} differs by {apart:.2g} of its size"


def _fortran(x: torch.Tensor) -> torch.Tensor:
    backwards = tuple(reversed(range(x.ndim)))
    return x.permute(backwards).contiguous().permute(backwards)


def _rotated(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(-1, -2).contiguous().transpose(-1, -2)


def _nifti(x: torch.Tensor) -> torch.Tensor:
    axes = (0, 1, *reversed(range(2, x.ndim)))
    return x.permute(axes).contiguous().permute(axes)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    last = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    return x.contiguous(memory_format=last)


def _every_second(x: torch.Tensor) -> torch.Tensor:
    return x.repeat_interleave(2, -1)[..., ::2]


_LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Fortran order": _fortran,
    "rotated": _rotated,
    "the order of a NIfTI file": _nifti,
    "channels last": _channels_last,
    "every second voxel": _every_second,
}


def _value_and_gradient(
    subject: Subject, logits: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = logits.detach().requires_grad_()
    value = subject.value(leaf, target)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach(), gradient.contiguous()


def check_not_finite(subject: Subject) -> None:
    """A NaN or an infinite logit makes the value and the gradient NaN, and raises nothing.

    So a scaler of mixed precision skips the step, and a training notices.
    """
    for logits, target in subject.cases():
        wrong = [math.nan, math.inf, -math.inf] if subject.info.input == "logits" else [math.nan]
        for number in wrong:
            broken = logits.clone()
            broken[(-1, -1) + (4,) * (logits.ndim - 2)] = number
            value, gradient = _value_and_gradient(subject, broken, target)
            assert value.isnan(), f"{value} for a map with {number}"
            assert gradient.isnan().any(), f"a finite gradient for a map with {number}"


def check_empty_batch(subject: Subject) -> None:
    """A batch without images costs 0, with a graph: a process of a training may have none."""
    for logits, target in subject.cases():
        leaf = logits[:0].detach().requires_grad_()
        loss = subject.make(logits.ndim - 2, logits.shape[1])
        truth = {name: value[:0] for name, value in subject.truth(target).items()}
        value = loss(subject.input(leaf), **truth)
        assert value.item() == 0, f"{value.item()} for no images"
        (gradient,) = torch.autograd.grad(value, leaf)
        assert gradient.shape == leaf.shape


def check_rounding_is_tolerated(subject: Subject) -> None:
    """Values that leave [0, 1] by rounding are put back and keep their gradient."""
    for logits, target in subject.cases():
        if subject.info.needs_target:
            exact = subject.value(logits, target)
            # exclusive targets still sum to 1 to that precision
            torch.testing.assert_close(subject.value(logits, target * (1 + 1e-7)), exact)
        if subject.info.input == "probabilities":
            loss = subject.make(logits.ndim - 2, logits.shape[1])
            extra = subject.truth(target)
            high, low = (logits == logits.max()), (logits == logits.min())
            inside = logits.sigmoid().masked_fill(high, 1.0).masked_fill(low, 0.0)
            values, gradients = [], []
            for beyond in (0.0, 1e-6):
                leaf = (inside + beyond * high - beyond * low).requires_grad_()
                value = loss(leaf, **extra)
                values.append(value)
                gradients.append(torch.autograd.grad(value, leaf)[0])
            torch.testing.assert_close(values[1], values[0])
            torch.testing.assert_close(gradients[1], gradients[0])
            refusal = "none"
            try:
                loss(inside + 1e-3 * high, **extra)
            except UserError as error:
                refusal = str(error)
            assert "0.001" in refusal, f"what it says of a probability of 1.001: {refusal}"


def check_autocast(subject: Subject) -> None:
    """Under mixed precision value and gradient stay near the exact ones."""
    for logits, target in subject.cases():
        logits, target = logits.float(), target.float()
        exact, slope = _value_and_gradient(subject, logits, target)
        for dtype, tolerance in _HALF.items():
            with torch.autocast("cpu", dtype=dtype):
                mixed, gradient = _value_and_gradient(subject, logits, target)
            error = abs(mixed.item() - exact.item())
            assert error <= tolerance * max(1.0, abs(exact.item())), f"{mixed} instead of {exact}"
            apart = (gradient - slope).norm() / slope.norm().clamp(min=1e-12)
            assert apart < 0.3, f"gradient off by {apart:.2g} of its length in {dtype}"


def check_compiled_step(subject: Subject) -> None:
    """A step around the loss may be compiled (`torch.compile`); the loss may break its graph."""
    logits, target = subject.case(subject.info.ndims[0])
    loss = subject.make(logits.ndim - 2, 2)

    truth = subject.truth(target)

    def step(logits: torch.Tensor) -> torch.Tensor:
        return 2 * loss(subject.input(0.9 * logits), **truth)

    torch._dynamo.reset()
    answers = []
    for function in (torch.compile(step, backend="eager"), step):
        leaf = logits.clone().requires_grad_()
        value = function(leaf)
        answers.append((value, *torch.autograd.grad(value, leaf)))
    for ours, plain in zip(*answers, strict=True):
        torch.testing.assert_close(ours, plain)


def check_fullgraph(subject: Subject) -> None:
    """`torch.compile` takes the loss whole where the card says so."""
    logits, target = subject.case(subject.info.ndims[0])
    loss = subject.make(logits.ndim - 2, 2)
    truth = subject.truth(target)
    torch._dynamo.reset()
    whole = torch.compile(loss, backend="eager", fullgraph=True)
    prediction = subject.input(logits).detach()
    leaf = prediction.clone().requires_grad_()
    try:
        value = whole(leaf, **truth)
    except Exception as error:  # dynamo's own, of many kinds
        if subject.info.fullgraph:
            raise AssertionError(f"the card says fullgraph, and: {error}") from error
        raise NotApplicable("the card says that its graph breaks") from error
    finally:
        torch._dynamo.reset()
    if not subject.info.fullgraph:
        raise NotApplicable("compiles whole, which the card does not promise")
    plain = prediction.clone().requires_grad_()
    expected = loss(plain, **truth)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(
        torch.autograd.grad(value, leaf), torch.autograd.grad(expected, plain)
    )


def check_double_backward(subject: Subject) -> None:
    """The gradient can be differentiated, as far as the card says, and gives its change."""
    for logits, target in subject.cases():
        generator = torch.Generator().manual_seed(2)
        direction = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
        direction *= 2e-5 / direction.abs().max()

        def slope(
            at: torch.Tensor, target: torch.Tensor = target, *, again: bool = False
        ) -> tuple[torch.Tensor, torch.Tensor]:
            leaf = at.detach().requires_grad_()
            value = subject.value(leaf, target)
            return leaf, torch.autograd.grad(value, leaf, create_graph=again)[0]

        try:
            leaf, gradient = slope(logits, again=True)
            second = torch.zeros_like(logits)
            if gradient.requires_grad:
                (found,) = torch.autograd.grad(
                    gradient, leaf, grad_outputs=direction, allow_unused=True
                )
                second = second if found is None else found
        except RuntimeError as error:
            if subject.info.double_backward:
                raise AssertionError(f"the card says double backward, and: {error}") from error
            raise NotApplicable("the card says that it has no second derivative") from error
        if not subject.info.double_backward:
            raise NotApplicable("the card promises no second derivative")
        change = (slope(logits + direction)[1] - slope(logits - direction)[1]) / 2
        scale = change.norm().clamp(min=1e-9 * float(gradient.detach().norm()))
        apart = (second - change).norm() / scale
        assert apart < 1e-2, f"off by {apart:.2g} of the change of the gradient"
