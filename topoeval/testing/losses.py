"""The specification of a loss, as checks that anyone can run on theirs.

``check_loss(MyLoss)`` returns one result per check; the list is what section "A loss" of
CONTRIBUTING.md says in words. A loss with required arguments is built by a function of your own:
``check_loss(MyLoss, make)``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch

from topoeval.errors import UserError
from topoeval.losses.info import Loss
from topoeval.losses.memory import VARIABLE
from topoeval.testing.loss_numerics import (
    check_autocast,
    check_compiled_step,
    check_double_backward,
    check_empty_batch,
    check_fullgraph,
    check_memory_layout,
    check_not_finite,
    check_precisions,
    check_rounding_is_tolerated,
)
from topoeval.testing.loss_subject import Make, Subject, default_make, fixtures
from topoeval.testing.results import CheckResult, NotApplicable, outcomes


def check_loss(factory: type[Loss], make: Make | None = None) -> list[CheckResult]:
    """Run every check on a loss.

    Parameters
    ----------
    factory
        The class, with its card in ``info``.
    make
        ``make(ndim, channels, **extra)``; needed where the constructor has required arguments.
    """
    subject = Subject(factory.info, make or default_make(factory))
    return outcomes(loss_checks(), subject)


def loss_checks() -> list[Callable[[Subject], None]]:
    """Return the checks; each raises AssertionError, or NotApplicable with the reason."""
    return [
        check_card,
        check_parts_sum_to_the_loss,
        check_gradient_is_the_derivative,
        check_degenerate_input_is_finite,
        check_target_matters,
        check_channels_are_told_apart,
        check_batch_is_the_mean_of_its_images,
        check_minimum,
        check_precisions,
        check_memory_layout,
        check_not_finite,
        check_empty_batch,
        check_rounding_is_tolerated,
        check_arguments_are_left_alone,
        check_same_answer_twice,
        check_autocast,
        check_compiled_step,
        check_fullgraph,
        check_double_backward,
        check_prepared_targets,
        check_remembered_targets,
        check_bad_input_is_refused,
        check_repr,
    ]


def check_card(subject: Subject) -> None:
    """The card names what a user has to know."""
    info = subject.info
    assert info.name
    assert info.title
    assert info.citation
    assert info.advice, "the card does not say when to use it"
    assert set(info.ndims) <= {2, 3}
    assert info.ndims
    assert info.needs_target != info.needs_prior, "a loss needs a target or a prior"


def check_parts_sum_to_the_loss(subject: Subject) -> None:
    """The scalar is the mean over images and classes of the sum of the parts."""
    for logits, target in subject.cases():
        loss = subject.make(logits.ndim - 2, logits.shape[1])
        value = subject.value(logits, target, loss)
        assert value.ndim == 0, f"a loss is a scalar, got shape {tuple(value.shape)}"
        parts = loss.parts(subject.input(logits), **subject.truth(target))  # type: ignore[attr-defined]
        assert parts, "no parts"
        for name, part in parts.items():
            assert part.ndim == 2, f"part {name!r} is (B, C), got shape {tuple(part.shape)}"
        total = torch.stack(list(parts.values())).sum(0).mean()
        torch.testing.assert_close(value, total)


def check_gradient_is_the_derivative(subject: Subject) -> None:
    """Automatic and numerical derivative agree away from ties (float64)."""
    for logits, target in subject.cases():
        logits = logits.requires_grad_()
        loss = subject.make(logits.ndim - 2, logits.shape[1])
        (gradient,) = torch.autograd.grad(subject.value(logits, target, loss), logits)
        generator = torch.Generator().manual_seed(1)
        for _ in range(3):
            direction = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
            direction *= 5e-5 / direction.abs().max()  # below every gap between two values
            with torch.no_grad():
                ahead = subject.value(logits + direction, target, loss)
                behind = subject.value(logits - direction, target, loss)
            expected = float((gradient * direction).sum())
            found = float(ahead - behind) / 2
            scale = float((gradient * direction).abs().sum()) + 1e-12
            assert abs(found - expected) < 1e-2 * scale, f"{found} instead of {expected}"


def check_degenerate_input_is_finite(subject: Subject) -> None:
    """Empty, full, constant and one-pixel maps and targets give finite values and gradients."""
    for ndim, channels in itertools.product(subject.info.ndims, (1, 2)):
        shape = (1, channels, 9, 10) if ndim == 2 else (1, channels, 9, 9, 9)
        pixel = torch.zeros(shape)
        pixel.flatten(2)[..., 44 if ndim == 2 else 364] = 1
        masks = {"empty": torch.zeros(shape), "full": torch.ones(shape), "one pixel": pixel}
        maps = {name: 40 * mask - 20 for name, mask in masks.items()}
        maps["constant"] = torch.zeros(shape)
        maps["random"] = subject.case(ndim, channels, 1)[0].float()
        for (what, logits), (of, target) in itertools.product(maps.items(), masks.items()):
            logits, target = logits.clone().requires_grad_(), subject.classes(target)
            value = subject.value(logits, target)
            where = f"{what} map, {of} target, {channels} channel(s), {ndim}D"
            assert torch.isfinite(value), f"{value.item()} for a {where}"
            if value.requires_grad:
                (gradient,) = torch.autograd.grad(value, logits)
                assert torch.isfinite(gradient).all(), f"gradient not finite for a {where}"


def check_target_matters(subject: Subject) -> None:
    """The same prediction costs different amounts against different targets."""
    for ndim in subject.info.ndims:
        logits, _ = subject.case(ndim, 2, 1)
        values = []
        for mask in fixtures(ndim).values():
            target = torch.stack([mask, 1 - mask])[None]
            values.append(round(float(subject.value(logits, target)), 9))
        distinct = len(set(values))
        # a prior counts features only; masks with equal Betti numbers are equal to it
        wanted = 2 if subject.info.needs_prior else len(values) - 1
        assert distinct >= wanted, f"targets hardly matter: {values}"


def check_channels_are_told_apart(subject: Subject) -> None:
    """Swapping the channels of the target changes the loss."""
    for ndim in subject.info.ndims:
        masks = list(fixtures(ndim).values())
        target = subject.classes(torch.stack([masks[0], masks[1]])[None])
        logits = 4 * target - 2 + 0.1 * subject.case(ndim, 2, 1)[0]
        value = float(subject.value(logits, target))
        swapped = float(subject.value(logits, target.flip(1)))
        assert abs(value - swapped) > 1e-6, f"{value} whichever way the channels of the target lie"


def check_batch_is_the_mean_of_its_images(subject: Subject) -> None:
    """A batch of n costs the mean of n batches of one."""
    for ndim in subject.info.ndims:
        logits, target = subject.case(ndim, 2, 3)
        singles = [subject.value(logits[i : i + 1], target[i : i + 1]) for i in range(3)]
        torch.testing.assert_close(subject.value(logits, target), torch.stack(singles).mean())


def check_minimum(subject: Subject) -> None:
    """Equal masks cost what the card says, and, where it claims so, all others more."""
    info = subject.info
    if info.minimum is None:
        raise NotApplicable("claims no minimum")
    for ndim in info.ndims:
        masks = fixtures(ndim)
        loss = subject.make(ndim, 1)
        for (name, mask), (other_name, other) in itertools.product(masks.items(), repeat=2):
            prediction, target = other[None, None], mask[None, None]
            if info.input == "logits":
                prediction = 200 * prediction - 100
            value = float(loss(prediction, **subject.truth(target)))
            if name == other_name:
                assert abs(value - info.minimum) < 1e-4, f"{value} for a perfect {name}"
            else:
                least = info.minimum + (1e-6 if info.strict else -1e-4)
                assert value >= least, f"{value} for a {other_name} where a {name} is wanted"


def check_arguments_are_left_alone(subject: Subject) -> None:
    """Neither prediction nor target is written to."""
    for logits, target in subject.cases():
        prediction = subject.input(logits)
        before = prediction.clone(), target.clone()
        loss = subject.make(logits.ndim - 2, logits.shape[1])
        loss(prediction, **subject.truth(target))
        assert torch.equal(prediction, before[0])
        assert torch.equal(target, before[1])


def check_same_answer_twice(subject: Subject) -> None:
    """Value and gradient are deterministic, whatever the global generator stands at."""
    for logits, target in subject.cases():
        logits = logits.requires_grad_()
        answers = []
        for seed in (0, 1):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                value = subject.value(logits, target)
                answers.append((value, *torch.autograd.grad(value, logits)))
        for first, second in zip(*answers, strict=True):
            assert torch.equal(first, second)


def check_prepared_targets(subject: Subject) -> None:
    """What `prepare` keeps of the targets gives the value that the targets give."""
    for ndim in subject.info.ndims:
        logits, target = subject.case(ndim, 2, 3)
        loss: Any = subject.make(ndim, 2)
        if not hasattr(loss, "prepare") or (prepared := loss.prepare(target)) is None:
            raise NotApplicable("has nothing to prepare")
        samples = torch.tensor([2, 0])
        selected = loss.select(prepared, samples)
        # without the memory of targets, which would call `prepare` here, too
        with patch.dict(os.environ, {VARIABLE: "0"}):
            from_targets = loss(subject.input(logits[samples]), target[samples])
        torch.testing.assert_close(
            loss(subject.input(logits[samples]), target[samples], selected), from_targets
        )


def check_remembered_targets(subject: Subject) -> None:
    """Value and gradient are the same to the last bit for targets that a loss has seen before."""
    if not subject.info.needs_target:
        raise NotApplicable("has no targets")
    for ndim in subject.info.ndims:
        logits, target = subject.case(ndim, 2, 3)
        loss = subject.make(ndim, 2)
        for samples in ([0, 1], [1, 2], [2, 0], [1]):  # new, half known, known, the other order
            answers = []
            for one in (loss, subject.make(ndim, 2)):
                leaf = logits[samples].detach().requires_grad_()
                value = subject.value(leaf, target[samples], one)
                answers.append((value, *torch.autograd.grad(value, leaf)))
            for again, new in zip(*answers, strict=True):
                assert torch.equal(again, new), f"another answer for samples {samples}"


def check_bad_input_is_refused(subject: Subject) -> None:
    """Wrong rank, a target of another shape, and values out of range are a `UserError`."""
    ndim = subject.info.ndims[0]
    logits, target = subject.case(ndim, 2)
    loss = subject.make(ndim, 2)
    extra = subject.truth(target)
    _assert_refused("an input without batch axis", loss, subject.input(logits)[0], **extra)
    nothing = {"target": target[..., :0]} if subject.info.needs_target else extra
    _assert_refused("images without a voxel", loss, subject.input(logits)[..., :0], **nothing)
    if subject.info.needs_target:
        narrower = target[..., :-1]
        _assert_refused("a target of another shape", loss, subject.input(logits), target=narrower)
        _assert_refused("a target outside [0, 1]", loss, subject.input(logits), target=target * 2)
        if getattr(loss, "prepare", lambda target: None)(target) is not None:
            for rank in {1, 2, 3} - set(subject.info.ndims):
                other = target[:, :, 0] if rank < ndim else target.unsqueeze(-1)
                other = other if rank > 1 else other.flatten(2)
                _assert_refused(f"a {rank}D target to prepare", loss.prepare, other)  # type: ignore[attr-defined]
    if subject.info.input == "probabilities":
        _assert_refused("logits instead of probabilities", loss, logits * 10, **extra)


def _assert_refused(
    what: str, call: Callable[..., Any], input: torch.Tensor, **extra: torch.Tensor
) -> None:
    try:
        call(input, **extra)
    except UserError:
        return
    raise AssertionError(f"accepts {what}")


def check_repr(subject: Subject) -> None:
    """What a loss prints builds the same loss."""
    import topoeval.losses
    from topoeval.topology import Topology

    loss = subject.make(subject.info.ndims[0], 2)
    text, kind = repr(loss), type(loss)
    if not text.startswith(f"{kind.__name__}("):
        raise NotApplicable("prints in words of its own")
    names = {**vars(topoeval.losses), kind.__name__: kind, "Topology": Topology}
    assert repr(eval(text, names)) == text  # our own words, from a constructor we called
