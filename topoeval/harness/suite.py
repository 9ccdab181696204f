"""A suite: what is to be compared, on what, how often."""

from __future__ import annotations

from pydantic import Field, model_validator

from topoeval.harness.model import (
    AugmentationSpec,
    DatasetSpec,
    Frozen,
    LossTerm,
    Network,
    Params,
    Precision,
    Training,
)
from topoeval.harness.samplers import SamplerName

SCHEMA = 1


class Start(Frozen):
    """The common starting point: every method begins at this converged network."""

    losses: tuple[LossTerm, ...]
    training: Training


class Limits(Frozen):
    """Hard limits of one run, enforced from outside its process."""

    timeout_s: float = Field(3600, gt=0)
    memory_gib: float | None = Field(None, gt=0)


class Tuning(Frozen):
    """How parameters are searched for; see `topoeval.harness.tuning`.

    Every method gets so many trials, each run once per seed. ``margin`` is how much Dice a better
    topology may cost.
    """

    trials: int = Field(6, ge=1)
    seeds: tuple[int, ...] = Field((1001, 1002), min_length=1)
    sampler: SamplerName = "grid"
    margin: float = Field(0.01, ge=0)


class Suite(Frozen):
    """The content of ``bench/suites/NAME.toml``.

    ``methods`` are names of folders in ``baselines/``; ``override`` replaces values of a method, as
    ``[override.NAME.adaptation] steps = 50``. ``training`` is the extra budget that every method
    gets after the common start, the plain loss alone included; ``augmentation`` varies the images
    of every training, the start's too. ``reference`` is the method that the others are compared
    with.
    """

    schema_version: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    description: str = ""
    seeds: tuple[int, ...] = Field(min_length=1)
    methods: tuple[str, ...] = Field(min_length=1)
    datasets: tuple[DatasetSpec, ...] = Field(alias="dataset", min_length=1)
    topology: str = "T-superlevel-plain"
    network: Network = Network()
    start: Start
    training: Training
    augmentation: AugmentationSpec | None = None
    judge: Training | None = None
    reference: str = "cross_entropy"
    backend: str = "auto"
    device: str = "cpu"
    precision: Precision = "float32"
    limits: Limits = Limits()
    tuning: Tuning = Tuning()
    override: dict[str, Params] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _seeds_of_its_own(self) -> Suite:
        if both := sorted(set(self.seeds) & set(self.tuning.seeds)):
            raise ValueError(f"seeds {both} are of final runs and of the tuning; keep them apart")
        return self
