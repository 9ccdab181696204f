"""The pieces that suites, methods and runs are written in."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from topoeval.datasets.dataset_info import Split
from topoeval.errors import UserError, nearest
from topoeval.harness.suites.space import Space, flattened
from topoeval.harness.suites.variant import Variant
from topoeval.networks import NETWORKS
from topoeval.results.document import MAIN_TEST

Regime = Literal["supervised", "semi_supervised", "post_process", "remedy"]
TRAINED: tuple[Regime, ...] = ("supervised", "semi_supervised")
"""Regimes that leave a network."""
Precision = Literal["float32", "bfloat16", "float16"]
Scalar = bool | int | float | str
Params = dict[str, Any]


class Frozen(BaseModel):
    """A value: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LossTerm(Frozen):
    """One weighted loss of a method; see `topoeval.training.Term`."""

    name: str
    weight: float = 1.0
    gradient_ratio: float | None = Field(None, gt=0)
    on: Literal["labelled", "unlabelled"] = "labelled"
    start: float = Field(0.0, ge=0, le=1)
    ramp: float = Field(0.0, ge=0, le=1)
    deep: bool | None = None
    params: Params = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_strength(self) -> LossTerm:
        if self.gradient_ratio is not None and "weight" in self.model_fields_set:
            raise ValueError("give weight or gradient_ratio, not both")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # younger than the first records, whose identities must hold: there only where it is given
        data: dict[str, Any] = handler(self)
        if self.gradient_ratio is None:
            del data["gradient_ratio"]
        else:
            del data["weight"]
        if self.deep is None:
            del data["deep"]
        return data


class AdaptationSpec(Frozen):
    """Per-image post-processing; see `topoeval.training.Adaptation`."""

    steps: int = Field(100, ge=1)
    learning_rate: float = Field(1e-5, gt=0)
    anchor: float = Field(10.0, ge=0)
    copies: int = Field(64, ge=1)


class RemedySpec(Frozen):
    """A plain correction of the mask; see `topoeval.training.remedies`."""

    name: str
    params: Params = Field(default_factory=dict)


class Training(Frozen):
    """Length and step size; see `topoeval.training.Schedule`."""

    epochs: int = Field(ge=0)
    batch_size: int = Field(32, ge=1)
    unlabelled_batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(1e-3, gt=0)


class Network(Frozen):
    """A network of `topoeval.networks` by name; all other keys are parameters of its own."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    name: str = "unet"

    @property
    def params(self) -> Params:
        """Its parameters, as far as they are given."""
        return dict(self.model_extra or {})

    @property
    def label(self) -> str:
        """Its name in plans and filters, as ``unet[norm=none]``."""
        return str(Variant(self.name, self.params))

    def resolved(self) -> Network:
        """Return the network with all its parameters, nothing left to a default.

        Raises
        ------
        UserError
            An unknown network or parameter.
        """
        return Network(name=self.name, **NETWORKS.load(self.name).settings(self.params))


class AugmentationSpec(Frozen):
    """How training images are varied; see `topoeval.training.augment.Augmentation`."""

    flip: float = Field(0.5, ge=0, le=1)
    rotate: float = Field(25.0, ge=0)
    scale: float = Field(0.15, ge=0)
    bend: float = Field(0.0, ge=0)
    brightness: float = Field(0.1, ge=0)
    contrast: float = Field(0.25, ge=0)
    gamma: float = Field(0.4, ge=0)
    noise: float = Field(0.05, ge=0)
    blur: float = Field(1.0, ge=0)
    probability: float = Field(0.3, ge=0, le=1)
    patch: int = Field(0, ge=0)


class TestSpec(Frozen):
    """One more test of the same networks: another split, or the test with other parameters.

    ``size`` is by default that of the split in the dataset's ``sizes``; ``params`` go before the
    dataset's own.
    """

    __test__ = False  # no test of ours, whatever its name

    split: Literal["test", "shifted", "relaxed"]
    size: int | None = Field(None, ge=1)
    params: Params = Field(default_factory=dict)


class DatasetSpec(Frozen):
    """A dataset, the sizes of its splits, and its parameters.

    Every network is scored on the split ``test``, and on each of ``tests``, by name. ``paths`` is
    filled by the plan with those parameters that say where files are; the revision stands for what
    is in them.
    """

    name: str
    sizes: dict[Split, int] = Field(default_factory=dict)
    params: Params = Field(default_factory=dict)
    tests: dict[str, TestSpec] = Field(default_factory=dict)
    revision: str = ""
    paths: dict[str, str] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in suites and filters, as ``mnist[lines=8]``."""
        return str(Variant(self.name, self.params))

    @field_validator("tests")
    @classmethod
    def _test_is_taken(cls, tests: dict[str, TestSpec]) -> dict[str, TestSpec]:
        if MAIN_TEST in tests:
            raise ValueError(f"{MAIN_TEST!r} is the name of the split that is always scored")
        return tests

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # younger than the first records, whose identities must hold: there only where it is given
        data: dict[str, Any] = handler(self)
        if not self.tests:
            del data["tests"]
        return data


class Method(Frozen):
    """A row of the table: what is done, beginning where (``baselines/NAME/method.toml``).

    ``starts_from`` is ``"start"``, the common starting point of the suite, or another method, whose
    network then is the beginning: corrections of a finished network use it, so that they get no
    less training than the network they are compared with. ``variant`` are the parameters by which a
    suite makes it differ from its folder: how it is called; what they do is in the other values.
    ``search`` is what `topoeval tune` may choose, and no part of a run.
    """

    name: str
    title: str
    regime: Regime
    summary: str = ""
    paper: str = ""
    role: Literal["start", "method"] = "method"
    starts_from: str | None = "start"
    losses: tuple[LossTerm, ...] = ()
    adaptation: AdaptationSpec | None = None
    remedy: RemedySpec | None = None
    # written with as many tables as its names have parts
    search: Annotated[Space, WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict, exclude=True
    )

    @field_validator("search", mode="before")
    @classmethod
    def _dotted(cls, table: Any) -> Any:
        return flattened(table) if isinstance(table, dict) else table

    variant: Params = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in suites and filters, as ``betti_prior[weight=0.1]``."""
        return str(Variant(self.name, self.variant))

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # younger than the first records: there only where it is given
        data: dict[str, Any] = handler(self)
        if not self.variant:
            data.pop("variant", None)
        return data

    @model_validator(mode="after")
    def _fits_its_regime(self) -> Method:
        unlabelled = any(term.on == "unlabelled" for term in self.losses)
        problem = {
            "supervised": unlabelled and "has a term on unlabelled images",
            "semi_supervised": not unlabelled and "has no term on unlabelled images",
            "post_process": (
                self.adaptation is None
                or [("prior" in term.params) for term in self.losses] != [False]
            )
            and "needs [adaptation] and exactly one loss, its prior given by the samples",
            "remedy": self.remedy is None and "needs [remedy]",
        }[self.regime]
        if problem:
            raise ValueError(f"method {self.name!r} of regime {self.regime!r} {problem}")
        if self.regime in TRAINED and not self.losses:
            raise ValueError(f"method {self.name!r} has no losses")
        if self.losses and all(term.gradient_ratio is not None for term in self.losses):
            raise ValueError(
                f"method {self.name!r} has a gradient_ratio, and no loss with a weight to compare"
            )
        return self


def canonical_json(value: BaseModel, exclude: Any = None) -> str:
    """Return JSON that is the same text for the same value: sorted keys, no white space."""
    data = value.model_dump(mode="json", by_alias=True, exclude=exclude)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """Return 16 hexadecimal digits that name `text` (the head of its SHA-256)."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


M = TypeVar("M", bound=Frozen)


def read_toml(path: Path, kind: type[M]) -> M:
    """Read a TOML file as a `kind`.

    Raises
    ------
    UserError
        No such file, not TOML, an unknown key (with the nearest known one) or a wrong value.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from error
    return parse(data, kind, str(path))


def parse(data: dict[str, Any], kind: type[M], where: str) -> M:
    """Validate `data` as a `kind`; the first problem becomes a `UserError` of one line."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        # a misspelt key is also a missing one; its spelling is the better message
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            hint = nearest(str(first["loc"][-1]), _known_keys(kind, first["loc"][:-1]))
            raise UserError(f"{where}: unknown key {path!r}{hint}") from None
        message = first["msg"].removeprefix("Value error, ")
        at = f"{path}: " if path else ""
        raise UserError(f"{where}: {at}{message} (got {_shown(first['input'])})") from None


def _known_keys(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at `location` of a `kind`."""
    model: Any = kind
    keyed = False
    for part in location:
        if isinstance(part, int) or keyed:
            keyed = False
            continue
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        candidates = [] if field is None else [field.annotation, *_arguments(field.annotation)]
        model = next((c for c in candidates if _is_model(c)), None)
        if model is None:
            return []
        keyed = field is not None and get_origin(field.annotation) is dict
    return [field.alias or name for name, field in model.model_fields.items()]


def _arguments(annotation: Any) -> list[Any]:
    inner = list(getattr(annotation, "__args__", ()))
    return inner + [deeper for argument in inner for deeper in _arguments(argument)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
