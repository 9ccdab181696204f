"""A run: everything that decides its result, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt

from topoeval.records.canonical import ABSENT_WHEN_DEFAULT, Frozen, canonical_json, digest
from topoeval.records.parts import (
    AugmentationSpec,
    DatasetSpec,
    Method,
    Network,
    PatchSpec,
    Precision,
    PriorSource,
    ThresholdName,
    Training,
)

SPEC_SCHEMA = 1
KeepAnswers = Literal[True, False, "maps"]
"""Whether predictions are kept; ``"maps"``: with all probabilities, whatever the metrics need."""
# a record says itself by which metrics it was scored; where files lie decides no result
_NOT_RECORDED: dict[str, Any] = {"dataset": {"paths"}, "scoring": True}


RESTORE = "restore"
"""The task of the runs that are scored."""


class Scoring(Frozen):
    """How a run is scored. It decides nothing of its training and is no part of what a run is.

    ``metrics`` are columns or names of `topoeval.metrics.METRICS`; none stands for the default
    ones. ``keep_answers``: whether predictions are kept for `topoeval rescore`; ``"maps"``: their
    probabilities, too, for `topoeval ensemble`. ``examples``: whether a few cases are recorded as
    pictures, as they are of the first seed of a suite.
    """

    metrics: tuple[str, ...] = ()
    keep_answers: KeepAnswers = True
    examples: bool = True


class RunSpec(Frozen):
    """One run, fully resolved.

    Its identity is the hash of its canonical JSON. Paths, limits, parallelism and logging are not
    in it; the runs it builds on are, by their identities.

    ``task`` is ``"restore"`` (train or correct a network and score it) or the name of an auxiliary
    network of the dataset, which is trained for its metrics. ``augmentation`` is that of the
    training; a run that trains nothing has none. ``score`` is ``"test"``, the test and the further
    tests, or ``"val"``, the split of a search, which never sees a test. ``threshold`` is what a
    class needs to be predicted: 0.5, or chosen on ``val`` by Dice or by topology. ``prior`` is
    where the Betti numbers come from that the method is given, and ``prior_error`` what is added to
    them; a method that is given none has the defaults. ``patch`` are the pieces that the network
    sees.

    ``code`` names the code of the loss, dataset, network and remedy, by ``loss my_loss`` and the
    like: the version of the package or the hash of the file that they are from, and their revision
    from 2 on. Topoeval's own parts in their first revision are not in it.
    """

    schema_version: int = Field(SPEC_SCHEMA, alias="schema")
    task: str
    dataset: DatasetSpec
    topology: str
    network: Network
    method: Method
    training: Training
    augmentation: Annotated[AugmentationSpec | None, ABSENT_WHEN_DEFAULT] = None
    backend: str
    precision: Precision = "float32"
    device: str
    seed: int
    score: Annotated[Literal["test", "val"], ABSENT_WHEN_DEFAULT] = "test"
    threshold: Annotated[ThresholdName, ABSENT_WHEN_DEFAULT] = "half"
    prior: Annotated[PriorSource, ABSENT_WHEN_DEFAULT] = "given"
    prior_error: Annotated[tuple[StrictInt, ...], ABSENT_WHEN_DEFAULT] = ()
    patch: Annotated[PatchSpec | None, ABSENT_WHEN_DEFAULT] = None
    parents: dict[str, str] = Field(default_factory=dict)
    scoring: Annotated[Scoring, ABSENT_WHEN_DEFAULT] = Scoring()
    code: Annotated[dict[str, str], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits that name this run everywhere."""
        # how a method is called in a table does not decide its result
        method = {"title", "summary", "paper", "variant", "base"}
        return digest(canonical_json(self, exclude={"method": method, **_NOT_RECORDED}))

    def recorded(self) -> RunSpec:
        """Return the specification as it stands in a record: without paths of this machine."""
        dataset = self.dataset.model_copy(update={"paths": {}})
        return self.model_copy(update={"dataset": dataset, "scoring": Scoring()})

    @property
    def is_scored(self) -> bool:
        """Whether it is scored on a test; an auxiliary network is not."""
        return self.task == RESTORE

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> RunSpec:
        """Return a copy with some values replaced; its identity is its own."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("id", None)
        return copy

    @property
    def label(self) -> str:
        """A short name for people."""
        network = "" if self.network.name == "unet" else f"/{self.network.name}"
        return f"{self.dataset.label}/{self.method.label}{network}/seed{self.seed}"

    def derived_seed(self, purpose: str) -> int:
        """Return a seed that depends on what should pair, and on nothing else.

        Runs of the same dataset and seed share it whatever their method: same first weights, same
        batches.
        """
        text = f"{self.dataset.name}|{self.seed}|{purpose}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
