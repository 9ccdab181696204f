"""How many true masks have the Betti numbers that methods are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topoeval import datasets
from topoeval.metrics import Settings, score_cases
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology

_MOST = 64


@dataclass(frozen=True, slots=True)
class Truth:
    """The true masks of a dataset, read in one topology.

    Parameters
    ----------
    dataset
        Its label.
    topology
        How masks are read.
    masks
        How many masks were looked at, the first ones of the split that is scored: of the test, or
        of ``val`` in a search, which never sees a test.
    right
        How many of them have their prior; None where no mask has one.
    """

    dataset: str
    topology: str
    masks: int
    right: int | None

    @property
    def line(self) -> str:
        """What a plan says of it."""
        if self.right is None:
            return f"{self.dataset}: read as {self.topology}; no prior is known."
        share = f"{self.right} of {self.masks} true test masks have their prior"
        loud = "" if self.right else " -- NONE: another topology is meant, or another prior"
        return f"{self.dataset}: read as {self.topology}; {share}{loud}."


def look(run: RunSpec) -> Truth:
    """Return how many of the first true masks of the split that a run is scored on have theirs."""
    size = run.dataset.sizes.get(run.score)
    params = {**run.dataset.params, **run.dataset.paths}
    test = datasets.load(run.dataset.name, run.score, size, seed=run.seed, **params)
    samples = [test[i] for i in range(min(_MOST, len(test)))]
    told = [sample for sample in samples if sample.prior is not None]
    if not told:
        return Truth(run.dataset.label, run.topology, len(samples), None)
    right = 0
    for sample in told:
        mask = sample.target[None]
        settings = Settings(Topology.parse(run.topology))
        scores = score_cases(
            mask, mask, settings, "truth_matches_prior", priors=np.array([sample.prior])
        )
        right += int(scores["truth_matches_prior"][0])
    return Truth(run.dataset.label, run.topology, len(told), right)


def truths(runs: Sequence[RunSpec]) -> list[Truth]:
    """Return what `look` finds, once for each dataset and topology."""
    seen: dict[tuple[str, str], Truth] = {}
    for run in runs:
        key = (run.dataset.label, run.topology)
        if run.is_scored and key not in seen:
            seen[key] = look(run)
    return list(seen.values())
