"""The model of a suite file: methods, datasets, seeds, and how they are trained and scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StrictFloat,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from topoeval.records.canonical import Frozen
from topoeval.records.parts import (
    AugmentationSpec,
    DatasetSpec,
    LossTerm,
    Network,
    Params,
    PatchSpec,
    Precision,
    PriorSource,
    ThresholdName,
    Training,
)
from topoeval.records.spec import KeepAnswers
from topoeval.records.variant import variants

SCHEMA = 1


def _listed(value: Any) -> Any:
    """Return a list for what may also be given alone."""
    return [value] if isinstance(value, str | int) else value


def _different(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse a seed that is there twice: the same run is no repetition."""
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"the same seed twice: {', '.join(map(str, twice))}")
    if seeds and not 0 <= min(seeds) <= max(seeds) < 2**63:
        raise ValueError("a seed is a whole number from 0 to 2^63 - 1")
    return seeds


def _each_once(methods: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a method that is there twice: its runs would be the same ones."""
    if twice := sorted({name for name in methods if methods.count(name) > 1}):
        raise ValueError(f"the same method twice: {', '.join(twice)}")
    return methods


def _one_or_many(kind: str) -> WithJsonSchema:
    one = {"type": kind}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


_NETWORK = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"name": {"type": "string", "default": "unet"}}},
    ]
}
_NETWORKS: dict[str, Any] = {
    "anyOf": [*_NETWORK["anyOf"], {"type": "array", "items": _NETWORK, "minItems": 1}]
}


def _networks(value: Any) -> Any:
    """Return the networks that a table, a name with or without parameters, or a list stands for."""
    listed = [value] if isinstance(value, str | Mapping | Network) else value
    if not isinstance(listed, list | tuple):
        return value
    found: list[Any] = []
    for one in listed:
        if isinstance(one, str):
            found += [{"name": each.name, **each.params} for each in variants(one)]
        else:
            found.append(one)
    return found


Names = Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_many("string")]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks), WithJsonSchema(_NETWORKS)]
Seeds = Annotated[
    tuple[StrictInt, ...],
    BeforeValidator(_listed),
    AfterValidator(_different),
    _one_or_many("integer"),
]


class Start(Frozen):
    """The common starting point: every method begins at this converged network."""

    losses: tuple[LossTerm, ...]
    training: Training


class Limits(Frozen):
    """Hard limits of one run, enforced from outside its process."""

    timeout_s: StrictFloat = Field(3600, gt=0)
    memory_gib: StrictFloat | None = Field(None, gt=0)


SamplerName = Literal["grid", "optuna"]


class Tuning(Frozen):
    """How parameters are searched for; see `topoeval.harness.tuning.tuning`.

    Every method gets so many trials, each run once per seed. ``margin`` is how much Dice a better
    topology may cost.
    """

    trials: StrictInt = Field(6, ge=1)
    seeds: Annotated[tuple[StrictInt, ...], AfterValidator(_different)] = Field(
        (1001, 1002), min_length=1
    )
    sampler: SamplerName = "grid"
    margin: StrictFloat = Field(0.01, ge=0)


class Subset(Frozen):
    """Some runs of a suite, by what they have in common; each key is one value or a list."""

    method: Names = ()
    dataset: Names = ()
    seed: Seeds = ()
    backend: Names = ()
    device: Names = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any((self.method, self.dataset, self.seed, self.backend, self.device)):
            raise ValueError("says nothing; give method, dataset, seed, backend or device")
        return self


class Include(Subset):
    """Runs beside the product; what is not said is as in the suite. Datasets are the suite's."""


class Exclude(Subset):
    """Runs of the product to leave out: those that have all that is said.

    Names may be patterns, as ``betti_*``, and may have parameters, as ``mnist[lines=4]``.
    """


class Timing(Frozen):
    """How ``topoeval time`` measures: so many rounds over all methods, each in a fresh process.

    A process takes ``warmup`` steps that do not count, the first of which is the cold one, and then
    ``steps`` that do.
    """

    rounds: StrictInt = Field(5, ge=1)
    steps: StrictInt = Field(20, ge=1)
    warmup: StrictInt = Field(3, ge=1)


class Suite(Frozen):
    """The content of ``bench/suites/NAME.toml``; docs/suites.md explains it.

    What is run is the product of ``methods``, ``[[dataset]]``, ``network``, ``seeds``, ``backend``
    and ``device``, less ``[[exclude]]``, and ``[[include]]`` besides. ``methods`` are names of
    folders in ``baselines/``, or paths of folders as ``./mine``, relative to the suite's file, with
    parameters as ``betti_prior[weight=[0.1, 1.0]]``; ``override`` replaces values of a method, as
    ``[override.NAME.adaptation] steps = 50``. ``training`` is the extra budget that every method
    gets after the common start, the plain loss alone included; ``metrics`` are what runs are scored
    by, the default ones where there are none (docs/metrics.md); ``keep_answers`` keeps predictions
    for `topoeval rescore`, ``"maps"`` with their probabilities for `topoeval ensemble`.
    ``[auxiliary.NAME]`` trains a network that a dataset's own metrics need.
    ``augmentation`` varies the images of every training, the start's too. ``reference`` is the
    method that the others are compared with. ``topology`` holds for all datasets that do not say
    their own; where neither does, it is that of the dataset's card. ``plugins`` are Python files,
    relative to the suite's, or modules, which register losses, datasets and other parts
    (docs/add-a-loss.md).
    """

    schema_version: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    description: str = ""
    seeds: Annotated[tuple[StrictInt, ...], AfterValidator(_different)] = Field(min_length=1)
    methods: Annotated[tuple[str, ...], AfterValidator(_each_once)] = Field(min_length=1)
    plugins: tuple[str, ...] = ()
    datasets: tuple[DatasetSpec, ...] = Field(alias="dataset", min_length=1)
    topology: str = ""
    threshold: ThresholdName = "half"
    prior: PriorSource = "given"
    prior_error: tuple[StrictInt, ...] = ()
    patch: PatchSpec | None = None
    network: Networks = Field((Network(),), min_length=1)
    start: Start
    training: Training
    augmentation: AugmentationSpec | None = None
    auxiliary: dict[str, Training] = Field(default_factory=dict)
    metrics: Names = ()
    keep_answers: KeepAnswers = True
    reference: str = "cross_entropy"
    backend: Names = Field(("auto",), min_length=1)
    device: Names = Field(("cpu",), min_length=1)
    precision: Precision = "float32"
    include: tuple[Include, ...] = ()
    exclude: tuple[Exclude, ...] = ()
    limits: Limits = Limits()
    timing: Timing = Timing()
    tuning: Tuning = Tuning()
    override: dict[str, Params] = Field(default_factory=dict)
    _folders: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def folders(self) -> dict[str, Path]:
        """The folders of those methods that the suite names by their paths, by name."""
        return self._folders

    @model_validator(mode="after")
    def _seeds_of_its_own(self) -> Suite:
        if both := sorted(set(self.seeds) & set(self.tuning.seeds)):
            raise ValueError(f"seeds {both} are of final runs and of the tuning; keep them apart")
        return self
