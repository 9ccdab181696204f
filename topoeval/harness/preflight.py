"""What can be found out before the first run: are the data there, do the losses take them.

A plan is made of names alone; this touches the world. It costs seconds and saves a sweep that
would end as a table of failures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.model import DatasetSpec, canonical_json
from topoeval.harness.spec import RunSpec
from topoeval.harness.suite import Suite
from topoeval.topology import Topology
from topoeval.training import build_term


def preflight(suite: Suite, runs: Sequence[RunSpec], *, download: bool = False) -> None:
    """Open every split that a suite asks for, and evaluate every loss once on a tiny map.

    Parameters
    ----------
    runs
        The plan of `suite`.
    download
        Fetch missing data, here and not in the workers, which would all begin at once.

    Raises
    ------
    UserError
        Data that are not there, a size or parameter that a dataset does not take, a loss that does
        not take the dataset's images or prior.
    """
    for dataset in suite.datasets:
        _open(dataset, suite.seeds[0], download)
    tried = set()
    shown: dict[str, datasets.Sample] = {}
    for run in runs:
        content = canonical_json(run.dataset)
        if run.task == "restore" and (content, run.method.name) not in tried:
            tried.add((content, run.method.name))
            if run.method.losses and content not in shown:
                shown[content] = _first(run)
            _try_losses(run, shown.get(content))


def _open(dataset: DatasetSpec, seed: int, download: bool) -> None:
    fetch = {"download": True} if download and datasets.info(dataset.name).downloads else {}
    for split, size in dataset.sizes.items():
        datasets.load(dataset.name, split, size, seed=seed, **dataset.params, **fetch)
    for test in dataset.tests.values():
        wanted = test.size or dataset.sizes.get(test.split)
        params = {**dataset.params, **test.params}
        datasets.load(dataset.name, test.split, wanted, seed=seed, **params)


def _first(run: RunSpec) -> datasets.Sample:
    """Return a training sample: what the losses will be given."""
    params = {**run.dataset.params, **run.dataset.paths}
    return datasets.load(run.dataset.name, "train", 1, seed=run.seed, **params)[0]


def _try_losses(run: RunSpec, sample: datasets.Sample | None) -> None:
    for loss in run.method.losses:
        assert sample is not None  # there is one as soon as there is a loss
        ndim, classes = sample.target.ndim - 1, len(sample.target)
        target = torch.zeros((1, classes) + (8,) * ndim)
        prior = None
        if sample.prior is not None:
            prior = torch.zeros_like(torch.tensor(sample.prior))[None]
        term = build_term(
            **loss.model_dump(), topology=Topology.parse(run.topology), backend=run.backend
        )
        try:
            term(torch.zeros_like(target), target, prior)
        except UserError as error:
            raise UserError(f"method {run.method.name!r}: {error}") from error
