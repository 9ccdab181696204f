"""What is recorded of the cases of a test, made of the predictions by the registry of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval import datasets
from topoeval.harness.runs.build import weights_of
from topoeval.harness.runs.store import Store
from topoeval.metrics import METRICS, Metric, Settings, available_columns, metric_of, score_cases
from topoeval.metrics.catalogue import DEFAULT, DEFAULT_NAME, chosen, every_column, registered_name
from topoeval.networks.classifier import classifier
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology
from topoeval.training import TensorSet
from topoeval.training.classification import classify

Readers = Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]]


def columns_of(spec: RunSpec, test: TensorSet) -> list[str]:
    """Return the columns that the cases of a test are scored by.

    Those that the suite names; where it names none the default ones and those of the dataset's own,
    as far as the test has what they need.

    Raises
    ------
    UserError
        The suite names one that needs what the test has not.
    """
    known = scorable(spec, test)
    named = set(spec.scoring.metrics) or {DEFAULT_NAME}
    wanted = set(chosen(sorted(named - {DEFAULT_NAME}), known))
    if DEFAULT_NAME in named:
        info = datasets.info(spec.dataset.name, **spec.dataset.params)
        wanted |= set(chosen([*DEFAULT, *info.metrics], every_column()))
    return [name for name in known if name in wanted]


def scorable(spec: RunSpec, test: TensorSet) -> dict[str, Metric]:
    """Return the metrics that a test can have, by column."""
    return available_columns(test.targets.ndim - 2, _given(spec, test))


def needs_probabilities(columns: Sequence[str]) -> bool:
    """Whether one of the columns cannot be computed from masks."""
    return any("probabilities" in metric_of(name).needs for name in columns)


def score_test(
    spec: RunSpec,
    test: TensorSet,
    probabilities: NDArray[np.float32],
    columns: Sequence[str],
    readers: Readers,
) -> dict[str, Any]:
    """Return the scores of each image of a test, by column.

    Parameters
    ----------
    spec
        The run.
    test
        Its test, with priors, labels and spacings as far as there are.
    probabilities
        ``(B, C, *spatial)`` in [0, 1].
    columns
        The wanted columns.
    readers
        Auxiliary networks, from `readers_of`.
    """
    found = score_cases(
        probabilities,
        test.targets.cpu().numpy(),
        Settings(
            Topology.parse(spec.topology),
            labels=None if test.labels is None else test.labels.cpu().numpy(),
            networks=readers,
        ),
        columns,
        priors=None if test.priors is None else test.priors.cpu().numpy(),
        spacings=test.spacings,
    )
    return {name: values.tolist() for name, values in found.items()}


def revisions(columns: Iterable[str]) -> dict[str, Any]:
    """Return by which code each column was scored: a revision and, of others' code, its source."""
    found: dict[str, Any] = {}
    for column in columns:
        metric = metric_of(column)
        source = METRICS.source(registered_name(metric))
        own = metric.revision if source is None else f"{metric.revision} of {source}"
        found[column] = own
    return found


def readers_of(spec: RunSpec, test: TensorSet, store: Store) -> Readers:
    """Return the auxiliary networks of a run, as functions of probabilities ``(N, *spatial)``."""
    return {
        name: _reader(spec, test, store, parent)
        for name, parent in spec.parents.items()
        if name != "start"
    }


def _reader(
    spec: RunSpec, test: TensorSet, store: Store, parent: str
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def read(probabilities: NDArray[Any]) -> NDArray[Any]:
        network = label_classifier(spec, test).to(spec.device)
        network.load_state_dict(weights_of(store, parent, spec.device))
        images = torch.from_numpy(np.ascontiguousarray(probabilities)).to(spec.device)
        return np.asarray(classify(network, images[:, None]).cpu().numpy())

    return read


def label_classifier(spec: RunSpec, like: TensorSet) -> torch.nn.Module:
    """Return a new classifier of a dataset's labels, for targets of the form of `like`."""
    labels = datasets.info(spec.dataset.name, **spec.dataset.params).labels
    return classifier(like.targets.shape[1:], classes=len(labels))


def _given(spec: RunSpec, test: TensorSet) -> set[str]:
    given = {"probabilities", *(name for name in spec.parents if name != "start")}
    if test.priors is not None:
        given.add("prior")
    if test.labels is not None:
        given.add("labels")
    return given
