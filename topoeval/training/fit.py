"""Training a network, supervised or semi-supervised.

The two regimes are one loop: a term of the objective names the images it sees, and a Betti prior on
unlabelled images beside a plain loss on labelled ones *is* the semi-supervised regime of Clough et
al. (equation 6). Batches are drawn from generators of their own, so every method with the same seed
sees the same labelled batches in the same order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from topoeval.errors import DivergedError, UserError
from topoeval.timing import span
from topoeval.training import checkpoint
from topoeval.training.augment import Augmentation, varied_batch
from topoeval.training.callbacks import Audience, Callback
from topoeval.training.objective import (
    Term,
    check_first_step,
    wants_unlabelled,
    weighted_sum,
)
from topoeval.training.precision import Arithmetic, Precision
from topoeval.training.sources import SOURCES, Source, check_target
from topoeval.training.teacher import Teacher, Teaching
from topoeval.training.tensors import Batch, TensorSet, shuffled_batches

Decay = Literal["none", "linear"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length and step size of a training.

    `epochs` count passes over the labelled images; unlabelled ones are drawn beside them,
    `unlabelled_batch_size` a step. With ``decay="linear"`` the learning rate falls from step to
    step, from `learning_rate` at the first to 0 after the last.
    """

    epochs: int
    batch_size: int = 32
    unlabelled_batch_size: int = 32
    learning_rate: float = 1e-3
    decay: Decay = "none"

    def rate_at(self, progress: float) -> float:
        """Return the learning rate after the fraction `progress` of the training.

        >>> Schedule(10, learning_rate=0.5, decay="linear").rate_at(0.25)
        0.375
        """
        share = 1 - progress if self.decay == "linear" else 1.0
        return self.learning_rate * share


@dataclass(frozen=True, slots=True)
class History:
    """Mean unweighted value of each term per epoch, and the number of steps taken."""

    terms: dict[str, list[float]]
    steps: int


def fit(
    network: nn.Module,
    terms: Sequence[Term],
    labelled: TensorSet,
    unlabelled: TensorSet | None = None,
    *,
    schedule: Schedule,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    resume_from: Path | None = None,
    save_every_s: float = 30.0,
    progress: bool = False,
    precision: Precision = "float32",
    callbacks: Sequence[Callback] = (),
    teaching: Teaching = Teaching(),  # noqa: B008  # frozen value, safe to share
) -> History:
    """Train `network` in place with Adam.

    Parameters
    ----------
    network
        Returns logits; its images must be on the device of the data.
    terms
        The objective.
    labelled, unlabelled
        Data; `unlabelled` is needed if and only if a term looks at it.
    augmentation
        How the images of every step are varied, labelled and unlabelled ones; None for not at all.
        The same for every method with the same seed.
    seed
        Of the batches and of their variation.
    resume_from
        A file in which the state is kept every `save_every_s` seconds and at the end, and from
        which an interrupted training goes on as if nothing had happened.
    progress
        Show a bar of epochs.
    precision
        Of the network; losses are computed in float32.
    callbacks
        Told of every step and epoch.
    teaching
        How the teacher follows, where a term has ``target="teacher"``; `network`, the student, is
        what is trained and left behind.

    Raises
    ------
    DivergedError
        The loss is no longer a finite number.
    UserError
        Unlabelled images are needed and not given; patches are cut, and a term needs the Betti
        numbers of the whole image; a term whose ramp does not end inside the training; a target
        that is not there; the state of a training without a teacher, or with one, for the other.
    """
    for term in terms:
        check_target(term.info, term.on, term.target)
    if wants_unlabelled(terms) and not unlabelled:
        raise UserError("a term looks at unlabelled images, and the dataset gives none")
    if augmentation is not None and augmentation.patch:
        for term in terms:
            if term.info.needs_prior:
                raise UserError(
                    f"loss {term.info.name!r} needs the Betti numbers of what it sees, and "
                    f"patch={augmentation.patch} cuts the images; train it with patch = 0"
                )
    if schedule.epochs:
        check_first_step(terms)
        for term in terms:
            term.check_ramp(schedule.epochs)
    # what is known of the targets beforehand does not hold for varied ones
    fixed = augmentation is None and labelled.counted is None
    prepared = [term.prepare(labelled.targets) if fixed else None for term in terms]
    arithmetic = Arithmetic(precision, labelled.images.device.type)
    taught = any(term.target == "teacher" for term in terms)
    teacher = Teacher(network, teaching, seed) if taught else None
    names = [term.info.name for term in terms]
    state = _State(network, schedule, seed, names, arithmetic, teacher)

    def varied(source: Source, batch: Batch) -> Batch:
        if augmentation is None:
            return batch
        with span("augmentation"):
            key = np.random.SeedSequence((seed, state.steps, SOURCES.index(source)))
            images, targets, counted = varied_batch(
                *batch[:2], batch[3], augmentation, int(key.generate_state(1)[0])
            )
        return images, targets, batch[2], counted

    before = checkpoint.resume(resume_from, next(network.parameters()).device)
    if before is not None:
        state.load(before, resume_from)
    network.train()
    saved_at = time.monotonic()
    bar = tqdm(
        total=schedule.epochs, initial=state.epoch, disable=not progress, unit="epoch", leave=False
    )
    with bar, Audience(callbacks) as audience:
        while state.epoch < schedule.epochs:
            means = _epoch(
                network, terms, prepared, labelled, unlabelled, schedule, state, varied, audience
            )
            state.finish_epoch(means)
            rate = schedule.rate_at(state.epoch / schedule.epochs)
            audience.epoch(state.steps, state.epoch, means, rate)
            bar.update()
            bar.set_postfix({name: f"{value:.4f}" for name, value in means.items()})
            if resume_from is not None and time.monotonic() - saved_at > save_every_s:
                state.save(resume_from)
                saved_at = time.monotonic()
    network.eval()
    if resume_from is not None and state.epoch:
        state.save(resume_from)
    return History(terms=state.history, steps=state.steps)


def _epoch(
    network: nn.Module,
    terms: Sequence[Term],
    prepared: Sequence[Any],
    labelled: TensorSet,
    unlabelled: TensorSet | None,
    schedule: Schedule,
    state: _State,
    varied: Callable[[Source, Batch], Batch],
    audience: Audience,
) -> dict[str, float]:
    """Run one pass over the labelled images; return the mean of each term."""
    progress = state.epoch / schedule.epochs
    optimiser = state.optimiser  # made here, and not on the time of a step
    active = [
        (term, kept)
        for term, kept in zip(terms, prepared, strict=True)
        if term.ramp_at(progress) * (term.gradient_ratio or term.weight) != 0
    ]
    sums = dict.fromkeys((term.info.name for term, _ in active), 0.0)
    batches = shuffled_batches(len(labelled), schedule.batch_size, state.labelled_order)
    for done, index in enumerate(batches):
        data: dict[Source, Batch] = {"labelled": varied("labelled", labelled.batch(index))}
        if unlabelled is not None and wants_unlabelled([term for term, _ in active]):
            drawn = torch.randint(
                len(unlabelled),
                (min(schedule.unlabelled_batch_size, len(unlabelled)),),
                generator=state.unlabelled_order,
            )
            data["unlabelled"] = varied("unlabelled", unlabelled.batch(drawn))
        with span("network"):
            logits = {
                source: state.arithmetic.logits(network, batch[0]) for source, batch in data.items()
            }
            answers = state.answers(data, [term for term, _ in active])
        with span("loss"):
            values, told = [], dict.fromkeys(sums, 0.0)
            for (term, kept), answer in zip(active, answers, strict=True):
                _, target, prior, counted = data[term.on]
                # the true masks of unlabelled images are there, and no term may see them
                target = target if answer is None else answer
                # of unlabelled images no method may know where their labels are missing
                mask = counted if term.on == "labelled" else None
                value = term(logits[term.on], target, prior, kept, index, counted=mask)
                values.append((term, value))
                told[term.info.name] += float(value.detach())
            total = weighted_sum(values, logits, progress)
        if not torch.isfinite(total):
            raise DivergedError(f"loss {total.item()} in epoch {state.epoch + 1}: {told}")
        with span("backward"):
            optimiser.zero_grad()
            state.arithmetic.backward(total)
        rate = schedule.rate_at((state.epoch + done / len(batches)) / schedule.epochs)
        with span("optimiser"):
            if rate != schedule.learning_rate:
                for group in optimiser.param_groups:
                    group["lr"] = rate
            state.arithmetic.step(optimiser)
            state.steps += 1
            if state.teacher is not None:
                state.teacher.follow(network, state.steps)
        for name in told:
            sums[name] += told[name]
        audience.step(state.steps, state.epoch + 1, told, float(total.detach()), rate)
    return {name: value / len(batches) for name, value in sums.items()}


class _State:
    """Everything that must survive an interruption."""

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        seed: int,
        names: Sequence[str],
        arithmetic: Arithmetic,
        teacher: Teacher | None,
    ) -> None:
        self.network = network
        self.teacher = teacher
        self.schedule = schedule
        self.arithmetic = arithmetic
        self.labelled_order = torch.Generator().manual_seed(seed)
        # a stream of its own, so that drawing unlabelled images changes no labelled batch
        self.unlabelled_order = torch.Generator().manual_seed(seed + 1_000_003)
        self.history: dict[str, list[float]] = {name: [] for name in names}
        self.epoch = 0
        self.steps = 0

    @cached_property
    def optimiser(self) -> torch.optim.Optimizer:
        # not before it is needed: torch loads its compiler for one, which takes a second
        return torch.optim.Adam(self.network.parameters(), lr=self.schedule.learning_rate)

    def answers(
        self, data: dict[Source, Batch], terms: Sequence[Term]
    ) -> list[torch.Tensor | None]:
        """Return what the teacher answers for each term of a step; None where it is not asked."""
        if self.teacher is None or "unlabelled" not in data:
            return [None for _ in terms]
        return self.teacher.answers(data["unlabelled"][0], terms, self.arithmetic, self.steps)

    def finish_epoch(self, means: dict[str, float]) -> None:
        for name, values in self.history.items():
            values.append(means.get(name, 0.0))
        self.epoch += 1

    def save(self, path: Path) -> None:
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "arithmetic": self.arithmetic.state_dict(),
            "labelled_order": self.labelled_order.get_state(),
            "unlabelled_order": self.unlabelled_order.get_state(),
            "history": self.history,
            "epoch": self.epoch,
            "steps": self.steps,
        }
        if self.teacher is not None:
            state["teacher"] = self.teacher.state_dict()
        checkpoint.save(state, path)

    def load(self, state: dict[str, Any], path: Path | None) -> None:
        if ("teacher" in state) != (self.teacher is not None):
            raise UserError(
                f"{path} is the state of a training {'with' if 'teacher' in state else 'without'} "
                "a teacher, and this one is not; remove it to begin anew"
            )
        if self.teacher is not None:
            self.teacher.load_state_dict(state["teacher"])
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.arithmetic.load_state_dict(state["arithmetic"])
        self.labelled_order.set_state(state["labelled_order"].cpu())
        self.unlabelled_order.set_state(state["unlabelled_order"].cpu())
        self.history = state["history"]
        self.epoch, self.steps = state["epoch"], state["steps"]
