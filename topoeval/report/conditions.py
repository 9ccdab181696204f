"""What the numbers of a dataset were measured under, as far as its records say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology

_PRIORS = {
    "oracle": "oracle, each image's own Betti numbers",
    "class": "class, the Betti numbers that an image's class is supposed to have",
    "train": "train, the most frequent Betti numbers of the training masks",
}
_THRESHOLDS = {
    "half": "p ≥ 0.5",
    "dice": "p ≥ the threshold of the best Dice on validation images",
    "topology": "p ≥ the threshold of the least Betti error on validation images",
}
_LARGEST = "the class of the largest logit, background among the classes"


@dataclass(frozen=True)
class Conditions:
    """The conditions of a dataset's runs; several of a kind are all named.

    Parameters
    ----------
    topology
        The line that describes the `Topology`.
    prior
        Where the prior comes from; empty where no run has one.
    network
        Architecture and sizes.
    threshold
        What makes a probability foreground.
    name, params
        The dataset's name and parameters, as a suite has them.
    """

    topology: str
    prior: str
    network: str
    threshold: str
    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return one line."""
        pieces = [self.topology, f"foreground is {self.threshold}"]
        pieces += [f"prior: {self.prior}"] if self.prior else []
        pieces += [f"network: {self.network}"] if self.network else []
        return "; ".join(pieces)


def conditions_of(runs: pd.DataFrame, documents: Mapping[str, Record]) -> Conditions:
    """Return the conditions of the runs of one dataset."""
    specs = [documents[identity].spec for identity in runs["id"]]
    topology = Topology.parse(runs["topology"].iloc[0])
    ndims = runs["ndim"].dropna()
    return Conditions(
        # Only a scored run says whether the images are 2D or 3D.
        topology=topology.describe(int(ndims.iloc[0])) if len(ndims) else str(topology),
        prior=_joined([_prior(spec) for spec in specs]) if _has_prior(runs, documents) else "",
        network=_joined([_network(spec) for spec in specs]),
        name=specs[0].dataset.name,
        params=specs[0].dataset.params,
        threshold=_joined([_foreground(spec) for spec in specs]),
    )


def _has_prior(runs: pd.DataFrame, documents: Mapping[str, Record]) -> bool:
    return any("matches_prior" in documents[one].cases for one in runs["id"])


def _prior(spec: RunSpec) -> str:
    return prior_words(spec.prior, spec.prior_error, spec.dataset.params)


def prior_words(prior: str, error: Sequence[int], params: Mapping[str, Any]) -> str:
    """Return where a prior comes from, in words.

    Parameters
    ----------
    prior, error
        ``prior`` and ``prior_error`` of a run.
    params
        Of the dataset.
    """
    # A measured prior is that of the image's own mask; any other one is the dataset's own.
    given = "oracle" if params.get("prior") == "measured" else "class"
    wrong = f", off by {tuple(error)}" if any(error) else ""
    return _PRIORS[given if prior == "given" else prior] + wrong


def _foreground(spec: RunSpec) -> str:
    """Return what makes a voxel foreground: of exclusive classes no threshold does."""
    try:
        classes = datasets.info(spec.dataset.name, **spec.dataset.params).target_classes
    except UserError:  # a dataset of a plug-in that is not loaded; most have one class
        return _THRESHOLDS[spec.threshold]
    return _LARGEST if classes.softmax else _THRESHOLDS[spec.threshold]


def _network(spec: RunSpec) -> str:
    params = spec.network.params
    sizes = "-".join(map(str, params.get("channels") or ()))
    norm = params.get("norm")
    pieces = [spec.network.name, sizes, f"({norm} norm)" if norm else ""]
    return " ".join(piece for piece in pieces if piece)


def _joined(texts: Sequence[str]) -> str:
    return " / ".join(text for text in dict.fromkeys(texts) if text)
