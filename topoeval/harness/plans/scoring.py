"""What a suite says of scoring, held against what its datasets have."""

from __future__ import annotations

from collections.abc import Sequence

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.suites.suite import Suite
from topoeval.metrics import available_columns
from topoeval.metrics.catalogue import DEFAULT_NAME, chosen, every_column
from topoeval.records.parts import DatasetSpec
from topoeval.records.variant import variants


def auxiliary_of(suite: Suite, dataset: DatasetSpec) -> dict[str, datasets.Split]:
    """Return the auxiliary networks of a dataset that a suite trains, and what they learn from."""
    there = datasets.info(dataset.name, **dataset.params).auxiliary
    return {name: split for name, split in there.items() if name in suite.auxiliary}


def check_scoring(suite: Suite, dataset: DatasetSpec) -> None:
    """Refuse metrics and auxiliary networks that there are not."""
    where = f"suite {suite.name!r}"
    there = {
        name
        for one in suite.datasets
        for variant in variants(one.name)
        for name in datasets.info(variant.name).auxiliary
    }
    for name in suite.auxiliary:
        if name not in there:
            raise UserError(f"{where}: auxiliary.{name}: no dataset has it{nearest(name, there)}")
    info = datasets.info(dataset.name, **dataset.params)
    _check_metrics(suite.metrics, info, list(auxiliary_of(suite, dataset)), where)


def _check_metrics(
    names: Sequence[str], info: datasets.DatasetInfo, auxiliary: Sequence[str], where: str
) -> None:
    """Refuse metrics that there are not, or that a dataset cannot have.

    Parameters
    ----------
    names
        As in a suite: columns, or names of metrics with ``{k}``.
    info
        The card of the dataset.
    auxiliary
        Names of its auxiliary networks that are trained.
    where
        What asks for them, for the message.

    Raises
    ------
    UserError
        Naming the metric, and the nearest one or what it lacks.
    """
    everything = every_column()
    known = available_columns(info.ndim, {"prior", "probabilities", "labels", *auxiliary})
    for name in names:
        if name == DEFAULT_NAME:
            continue
        try:
            columns = chosen([name], everything)
        except UserError as error:
            raise UserError(f"{where}: metrics: {error}") from None
        if not set(columns) & set(known):
            metric = everything[columns[0]]
            lacks = (
                f"needs the network {metric.network!r}, and the suite has no "
                f"[auxiliary.{metric.network}] or the dataset no such network"
                if metric.network and metric.network not in auxiliary
                else f"is not defined in {info.ndim}D"
            )
            raise UserError(f"{where}: metric {name!r} {lacks} (dataset {info.name!r})")


def needs_prior(names: Sequence[str]) -> bool:
    """Whether a metric that a suite names, other than by ``default``, needs a prior."""
    everything = every_column()
    named = chosen([name for name in names if name != DEFAULT_NAME], everything)
    return any("prior" in everything[column].needs for column in named)
