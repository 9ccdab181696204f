"""The parts of a specification: losses, method, dataset, network, training.

Suites and methods are written in them, too.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

from topoeval.datasets.dataset_info import Split
from topoeval.networks import NETWORKS
from topoeval.records.canonical import ABSENT_WHEN_DEFAULT, Frozen
from topoeval.records.variant import Variant

Regime = Literal["supervised", "semi_supervised", "post_process", "remedy"]
TRAINED: tuple[Regime, ...] = ("supervised", "semi_supervised")
"""Regimes that leave a network."""
Precision = Literal["float32", "bfloat16", "float16"]
ThresholdName = Literal["half", "dice", "topology"]
PriorSource = Literal["given", "oracle", "class", "train"]


def _finite(params: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON has no word for, and a record could not say."""
    for name, value in params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} = {value} is no finite number")
    return params


Params = Annotated[dict[str, Any], AfterValidator(_finite)]

MAIN_TEST = "test"
"""The test that every network is scored on."""


class LossTerm(Frozen):
    """One weighted loss of a method; see `topoeval.training.Term`."""

    name: str
    weight: StrictFloat = Field(1.0, ge=0)
    gradient_ratio: Annotated[StrictFloat | None, ABSENT_WHEN_DEFAULT] = Field(None, gt=0)
    on: Literal["labelled", "unlabelled"] = "labelled"
    target: Annotated[Literal["teacher"] | None, ABSENT_WHEN_DEFAULT] = None
    start: StrictFloat = Field(0.0, ge=0, le=1)
    ramp: StrictFloat = Field(0.0, ge=0, le=1)
    deep: Annotated[bool | None, ABSENT_WHEN_DEFAULT] = None
    params: Params = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_strength(self) -> LossTerm:
        if self.gradient_ratio is not None and "weight" in self.model_fields_set:
            raise ValueError("give weight or gradient_ratio, not both")
        if self.target is not None and self.on == "labelled":
            raise ValueError(
                f'loss {self.name!r}: target = "teacher" is for unlabelled images, and labelled '
                'ones have masks; leave it out, or say on = "unlabelled"'
            )
        return self

    def absent(self) -> set[str]:
        """Leave out the weight of a term whose strength is its gradient ratio."""
        return super().absent() | ({"weight"} if self.gradient_ratio is not None else set())


class AdaptationSpec(Frozen):
    """Per-image post-processing; see `topoeval.training.Adaptation`."""

    steps: StrictInt = Field(100, ge=1)
    learning_rate: StrictFloat = Field(1e-5, gt=0)
    anchor: StrictFloat = Field(10.0, ge=0)
    copies: StrictInt = Field(64, ge=1)


class TeacherSpec(Frozen):
    """What answers unlabelled images; see `topoeval.training.Teaching`."""

    decay: StrictFloat = Field(0.99, ge=0, lt=1)
    noise: StrictFloat = Field(0.1, ge=0)


class RemedySpec(Frozen):
    """A plain correction of the mask; see `topoeval.training.remedies`."""

    name: str
    params: Params = Field(default_factory=dict)


class Training(Frozen):
    """Length and step size; see `topoeval.training.Schedule`."""

    epochs: StrictInt = Field(ge=0)
    batch_size: StrictInt = Field(32, ge=1)
    unlabelled_batch_size: StrictInt = Field(32, ge=1)
    learning_rate: StrictFloat = Field(1e-3, gt=0)
    decay: Annotated[Literal["none", "linear"], ABSENT_WHEN_DEFAULT] = "none"


class Network(Frozen):
    """A network of `topoeval.networks` by name; all other keys are parameters of its own."""

    model_config = ConfigDict(extra="allow")

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

    flip: StrictFloat = Field(0.5, ge=0, le=1)
    rotate: StrictFloat = Field(25.0, ge=0)
    scale: StrictFloat = Field(0.15, ge=0)
    bend: StrictFloat = Field(0.0, ge=0)
    brightness: StrictFloat = Field(0.1, ge=0)
    contrast: StrictFloat = Field(0.25, ge=0)
    gamma: StrictFloat = Field(0.4, ge=0)
    noise: StrictFloat = Field(0.05, ge=0)
    blur: StrictFloat = Field(1.0, ge=0)
    probability: StrictFloat = Field(0.3, ge=0, le=1)
    patch: StrictInt = Field(0, ge=0)


class PatchSpec(Frozen):
    """Pieces of images: random ones in training, and windows side by side in prediction.

    ``size`` are voxels along each side; windows overlap by ``overlap`` of that, and are blended by
    a Gaussian.
    """

    size: StrictInt = Field(ge=1)
    overlap: StrictFloat = Field(0.5, ge=0, lt=1)


class TestSpec(Frozen):
    """One more test of the same networks: another split, or the test with other parameters.

    ``size`` is by default that of the split in the dataset's ``sizes``; ``params`` go before the
    dataset's own.
    """

    __test__ = False  # no test of ours, whatever its name

    split: Literal["test", "shifted", "relaxed"]
    size: StrictInt | None = Field(None, ge=1)
    params: Params = Field(default_factory=dict)


class DatasetSpec(Frozen):
    """A dataset, the sizes of its splits, and its parameters.

    ``topology`` is how its masks are read, where a suite says so; a run has it beside its dataset.
    Every network is scored on the split ``test``, and on each of ``tests``, by name. ``paths`` is
    filled by the plan with those parameters that say where files are; the revision stands for what
    is in them.
    """

    name: str
    sizes: dict[Split, Annotated[StrictInt, Field(ge=0)]] = Field(default_factory=dict)
    params: Params = Field(default_factory=dict)
    tests: Annotated[dict[str, TestSpec], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    topology: Annotated[str, ABSENT_WHEN_DEFAULT] = ""
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


class Method(Frozen):
    """A row of the table: what is done, beginning where.

    ``starts_from`` is ``"start"``, the common starting point of the suite, or another method, whose
    network then is the beginning: corrections of a finished network use it, so that they get no
    less training than the network they are compared with. ``variant`` are the parameters by which a
    suite makes it differ from its folder: how it is called; what they do is in the other values.
    ``base`` is the method that tables compare it with: the plain loss it adds a term to. It does
    not decide what a run does; without it a correction is compared with what it starts from, and
    any other method with the suite's reference. ``flips``: an answer is the mean over all mirrored
    views of an image, ``shifts``: over the image and its shifts by a voxel, and with both over
    their product (`topoeval.training.views`). ``teacher`` answers the unlabelled images of
    terms with ``target = "teacher"``; what is scored is its student. A method that post-processes
    may have a ``[remedy]``, which corrects the post-processed answers.
    """

    name: str
    title: str
    regime: Regime
    summary: str = ""
    paper: str = ""
    role: Literal["start", "method"] = "method"
    starts_from: str | None = "start"
    base: Annotated[str, ABSENT_WHEN_DEFAULT] = ""
    losses: tuple[LossTerm, ...] = ()
    adaptation: AdaptationSpec | None = None
    remedy: RemedySpec | None = None
    teacher: Annotated[TeacherSpec | None, ABSENT_WHEN_DEFAULT] = None
    flips: Annotated[bool, ABSENT_WHEN_DEFAULT] = False
    shifts: Annotated[bool, ABSENT_WHEN_DEFAULT] = False
    variant: Annotated[Params, ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in suites and filters, as ``betti_prior[weight=0.1]``."""
        return str(Variant(self.name, self.variant))

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
            "remedy": (
                self.remedy is None
                and not (self.flips or self.shifts)
                and "needs [remedy], flips = true or shifts = true"
            ),
        }[self.regime]
        if problem:
            raise ValueError(f"method {self.name!r} of regime {self.regime!r} {problem}")
        if self.regime in TRAINED and not self.losses:
            raise ValueError(f"method {self.name!r} has no losses")
        if self.regime in TRAINED and self.remedy is not None:
            raise ValueError(
                f"method {self.name!r} of regime {self.regime!r} has a [remedy], which is of "
                "corrections"
            )
        asked = any(term.target == "teacher" for term in self.losses)
        if asked and self.regime != "semi_supervised":
            raise ValueError(
                f"method {self.name!r} of regime {self.regime!r} has a loss with target = "
                '"teacher", which is of semi_supervised methods'
            )
        if asked and self.teacher is None:
            raise ValueError(
                f'method {self.name!r} has a loss with target = "teacher" and no teacher; add '
                "[teacher], which may be empty"
            )
        if self.teacher is not None and not asked:
            raise ValueError(
                f"method {self.name!r} has a [teacher], and no loss asks it; give one target = "
                '"teacher" and on = "unlabelled"'
            )
        if self.losses and all(term.gradient_ratio is not None for term in self.losses):
            raise ValueError(
                f"method {self.name!r} has a gradient_ratio, and no loss with a weight to compare"
            )
        return self
