"""What can be found out before the first run: are the data there, do the losses take them.

A plan is made of names alone; this touches the world. It costs seconds and saves a sweep that
would end as a table of failures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.model import DatasetSpec
from topoeval.harness.spec import RunSpec
from topoeval.harness.suite import Suite
from topoeval.topology import Topology
from topoeval.training import build_term

_ELSEWHERE = {"root": "--data DIR or TOPOEVAL_DATA", "download": "--download"}


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
    for run in runs:
        key = (run.dataset.name, run.method.name)
        if run.task == "restore" and key not in tried:
            tried.add(key)
            _try_losses(run)


def _open(dataset: DatasetSpec, seed: int, download: bool) -> None:
    for param, instead in _ELSEWHERE.items():
        if param in dataset.params:
            raise UserError(
                f"dataset {dataset.name!r}: {param!r} depends on the machine and has no place "
                f"in a suite; use {instead}"
            )
    fetch = {"download": True} if download and datasets.info(dataset.name).needs_data else {}
    for split, size in dataset.sizes.items():
        datasets.load(dataset.name, split, size, seed=seed, **dataset.params, **fetch)


def _try_losses(run: RunSpec) -> None:
    info = datasets.info(run.dataset.name)
    shape = (1, info.channels) + (8,) * info.ndim
    target = torch.zeros(shape)
    prior = torch.zeros((1, info.ndim), dtype=torch.int64)
    for loss in run.method.losses:
        term = build_term(
            **loss.model_dump(), topology=Topology.parse(run.topology), backend=run.backend
        )
        try:
            term(torch.zeros(shape), target, prior)
        except UserError as error:
            raise UserError(f"method {run.method.name!r}: {error}") from error
