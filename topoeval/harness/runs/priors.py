"""The Betti numbers that a method is given, and where they come from.

``"given"`` are the dataset's own. ``"oracle"`` are those of each image's true mask: the best that a
prior can be, and no more than a bound. ``"class"`` is the most frequent value among the training
masks of the same label, ``"train"`` that among all training masks: what is known in practice.
``prior_error`` is added to each, to see what a wrong prior does. Scores are always told the
dataset's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.harness.runs.build import load_split
from topoeval.metrics.betti import betti_numbers
from topoeval.records.parts import PriorSource
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology
from topoeval.training import TensorSet


@dataclass(frozen=True, slots=True)
class Told:
    """What a suite says of the prior that methods are given.

    Parameters
    ----------
    prior, prior_error
        As in `topoeval.records.spec.RunSpec`.
    """

    prior: PriorSource = "given"
    prior_error: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return how a suite says it.

        >>> str(Told("train", (1, 0)))
        "prior = 'train', prior_error = [1, 0]"
        """
        wrong = f", prior_error = {list(self.prior_error)}" if self.prior_error else ""
        return f"prior = {self.prior!r}{wrong}"


def priors_of_seeds(
    specs: Sequence[RunSpec], data: TensorSet, told: Told
) -> NDArray[np.int64] | None:
    """Return the priors of a set that runs of several seeds are given alike.

    Parameters
    ----------
    specs
        Of one dataset, a run of each seed: where a seed draws the training images, the prior that
        is measured on them may be another one.
    data
        The test, which all seeds share.
    told
        In place of what the runs say.

    Returns
    -------
    Betti numbers ``(N, d)``, or ``(N, C, d)`` of several classes; None where the dataset has none.

    Raises
    ------
    UserError
        The seeds have different priors; or as `with_told_priors`.
    """
    measured = told.prior in ("class", "train")
    first: NDArray[np.int64] | None = None
    for spec in specs if measured else specs[:1]:
        said = spec.model_copy(update={"prior": told.prior, "prior_error": told.prior_error})
        priors = with_told_priors(said, data).priors
        if priors is None:
            return None
        found: NDArray[np.int64] = priors.cpu().numpy()
        if first is not None and not np.array_equal(first, found):
            raise UserError(
                f"dataset {spec.dataset.label!r}: the training images of seed {spec.seed} and of "
                f"seed {specs[0].seed} have other frequent Betti numbers ({told}), so a mean over "
                "seeds has no prior for --remedy; leave it out"
            )
        first = found
    return first


def with_told_priors(spec: RunSpec, data: TensorSet) -> TensorSet:
    """Return a set with the priors that the method of a run is given.

    Raises
    ------
    UserError
        ``prior = "class"`` and a label that no training image has; a ``prior_error`` without
        priors.
    """
    priors = data.priors if spec.prior == "given" else _known(spec, data)
    if spec.prior_error:
        if priors is None:
            raise UserError(
                f"dataset {spec.dataset.label!r} has no prior: prior_error changes none"
            )
        error = torch.tensor(spec.prior_error, device=priors.device)
        priors = (priors + error).clamp(min=0)
    return replace(data, priors=priors)


def check_told(spec: RunSpec, ndim: int, labels: bool) -> None:
    """Refuse what a suite says of priors where it cannot be done.

    Parameters
    ----------
    spec
        The run.
    ndim
        Of the images.
    labels
        Whether the dataset's images have labels.

    Raises
    ------
    UserError
        A ``prior_error`` of another length than the dimension; ``prior = "class"`` without labels.
    """
    if spec.prior_error and len(spec.prior_error) != ndim:
        raise UserError(
            f"prior_error = {list(spec.prior_error)} needs one number for each of the {ndim} Betti "
            "numbers"
        )
    if spec.prior == "class" and not labels:
        raise UserError(f"prior = 'class': dataset {spec.dataset.label!r} has no labels")


def _known(spec: RunSpec, data: TensorSet) -> torch.Tensor:
    """Return priors from the true masks: of the samples themselves, or of the training."""
    if spec.prior == "oracle":
        found = _measured(spec, data)
    else:
        train = load_split(spec, "train")
        counts = _measured(spec, train)
        if spec.prior == "train":
            found = np.repeat(_mode(counts)[None], len(data), axis=0)
        else:
            found = _by_label(spec, data, train, counts)
    return torch.from_numpy(found).to(data.images.device)


def _measured(spec: RunSpec, data: TensorSet) -> NDArray[np.int64]:
    """Return the Betti numbers of true masks, ``(N, d)``, or ``(N, C, d)`` of several classes."""
    topology = Topology.parse(spec.topology)
    masks = data.targets.cpu().numpy() >= 0.5
    if not topology.superlevel:
        masks = ~masks
    counts = np.asarray(betti_numbers(masks, topology, masks.ndim - 2), dtype=np.int64)
    return counts[:, 0] if counts.shape[1] == 1 else counts


def _mode(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most frequent vector of the first axis, of each class by itself."""
    if counts.ndim == 3:
        return np.stack([_mode(counts[:, c]) for c in range(counts.shape[1])])
    # the smaller of two that are equally frequent, whatever their order
    tally = Counter(map(tuple, counts.tolist()))
    return np.array(min(tally, key=lambda vector: (-tally[vector], vector)), dtype=np.int64)


def _by_label(
    spec: RunSpec, data: TensorSet, train: TensorSet, counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    if data.labels is None or train.labels is None:
        raise UserError(f"prior = 'class': dataset {spec.dataset.label!r} has no labels")
    labels = train.labels.cpu().numpy()
    modes = {int(label): _mode(counts[labels == label]) for label in np.unique(labels)}
    wanted = [int(label) for label in data.labels.tolist()]
    for label in wanted:
        if label not in modes:
            raise UserError(
                f"prior = 'class': no training image of {spec.dataset.label!r} has label {label}"
            )
    return np.stack([modes[label] for label in wanted])
