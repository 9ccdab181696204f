"""What the numbers of a dataset were measured under, as far as its records say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from topoeval.results.document import Document
from topoeval.topology import Topology

_PRIORS = {
    "oracle": "oracle, each image's own Betti numbers",
    "class": "class, the Betti numbers that an image's class is supposed to have",
    "train": "train, the most frequent Betti numbers of the training masks",
}
_THRESHOLDS = {
    "half": "p ≥ 0.5",
    "validation": "p ≥ the threshold with the best Dice on validation images",
}


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


def conditions_of(runs: pd.DataFrame, documents: Mapping[str, Document]) -> Conditions:
    """Return the conditions of the runs of one dataset."""
    specs = [documents[identity]["spec"] for identity in runs["id"]]
    topology = Topology.parse(runs["topology"].iloc[0])
    ndims = runs["ndim"].dropna()
    return Conditions(
        # Without a single scored run nobody knows whether the images are 2D or 3D.
        topology=topology.describe(int(ndims.iloc[0])) if len(ndims) else str(topology),
        prior=_joined([_prior(spec) for spec in specs]) if _has_prior(runs, documents) else "",
        network=_joined([_network(spec) for spec in specs]),
        name=str(specs[0]["dataset"]["name"]),
        params=specs[0]["dataset"].get("params") or {},
        threshold=_joined(
            [
                _THRESHOLDS.get(name, name)
                for name in (spec.get("threshold", "half") for spec in specs)
            ]
        ),
    )


def _has_prior(runs: pd.DataFrame, documents: Mapping[str, Document]) -> bool:
    return any("matches_prior" in (documents[one].get("cases") or {}) for one in runs["id"])


def _prior(spec: Mapping[str, Any]) -> str:
    dataset: Mapping[str, Any] = spec["dataset"]
    params: Mapping[str, Any] = dataset.get("params") or {}
    # Records that are older than the key: a measured prior is that of the image's own mask.
    older = "oracle" if params.get("prior") == "measured" else "class"
    name = str(spec.get("prior") or dataset.get("prior") or older)
    error = spec.get("prior_error")
    wrong = f", off by {tuple(error)}" if error and any(error) else ""
    return _PRIORS.get(name, name) + wrong


def _network(spec: Mapping[str, Any]) -> str:
    network: Mapping[str, Any] = spec.get("network") or {}
    if not network:
        return ""
    sizes = "-".join(map(str, network.get("channels") or ()))
    norm = network.get("norm")
    pieces = [str(network.get("name", "")), sizes, f"({norm} norm)" if norm else ""]
    return " ".join(piece for piece in pieces if piece)


def _joined(texts: Sequence[str]) -> str:
    return " / ".join(text for text in dict.fromkeys(texts) if text)
