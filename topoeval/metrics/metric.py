"""One column of scores: what it means, what it needs, and the function that computes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.patches import DEFAULT_SIZE
from topoeval.topology import Topology

Better = Literal["higher", "lower"]
# What an empty mask scores, where it is not a number.
Rule = Literal["diagonal", "counted"]
Need = Literal[
    "masks", "probabilities", "topology", "spacing", "tolerance", "patch", "prior", "labels", "maps"
]
Cost = Literal["low", "medium", "high"]
Reduction = Literal["mean", "sum", "all"]

_NAME = re.compile(r"[a-z][a-z0-9_]*(\{k\})?[a-z0-9_]*")
# What every pair of masks has, since each has a default.
ALWAYS: frozenset[str] = frozenset({"masks", "topology", "spacing", "tolerance", "patch"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What scores depend on beside the images.

    Parameters
    ----------
    topology
        Construction, direction and border; a text is parsed. Under a sublevel direction the
        topological scores are those of the complements.
    spacing
        Size of a voxel along each axis; 1 by default.
    tolerance
        Of NSD, in units of the spacing; the largest side of a voxel by default.
    patch
        Side of the patches of the patch-wise Betti error, in voxels.
    prior
        Betti numbers that the structure should have, if known; for a stack a row per image.
    labels
        Class of the depicted thing for each image of a stack, ``(N,)`` integers, if known.
    networks
        By name the auxiliary networks of the dataset: each takes probabilities ``(N, *spatial)``
        and returns a class per image, ``(N,)`` integers.
    maps
        The label maps, prediction and target, that the masks are one class of; for scores of which
        class touches which.
    instances
        Each label of `maps` is an object, for the scores of objects; else components are.
    neighbours
        Labels that may touch each label; None takes those that touch it in the target.
    shape
        That of the whole image, where the masks are its box (`Metric.crops`); None where they are
        the image. `score` sets it.
    """

    topology: Topology = Topology()  # noqa: RUF009  # frozen value, safe to share
    spacing: tuple[float, ...] | None = None
    tolerance: float | None = None
    patch: int = DEFAULT_SIZE
    prior: Any = None
    labels: NDArray[np.int64] | None = None
    networks: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = field(default_factory=dict)
    maps: tuple[NDArray[Any], NDArray[Any]] | None = None
    instances: bool = False
    neighbours: Mapping[int, tuple[int, ...]] | None = None
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "topology", Topology.parse(self.topology))
        # not `tolerance < 0`: not-a-number is refused, too
        if self.tolerance is not None and not self.tolerance >= 0:
            raise UserError(f"a tolerance is a distance of 0 or more, got {self.tolerance}")
        if self.prior is not None:
            numbers = np.asarray(self.prior, np.float64)
            if not ((numbers >= 0) & (numbers == np.floor(numbers))).all():
                raise UserError(f"Betti numbers are whole and not negative, got {self.prior}")


Scores = Callable[[NDArray[Any], NDArray[Any], Settings], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Empty:
    """What a score does with empty masks.

    Parameters
    ----------
    both, prediction, target
        The score when both masks, only the prediction, or only the target is empty. A number;
        ``"diagonal"``: the length of the image's diagonal; ``"counted"``: the formula holds, an
        empty mask has no features.
    """

    both: float | Rule
    prediction: float | Rule
    target: float | Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One column of scores.

    Parameters
    ----------
    name
        The column; ``{k}`` in it stands for a dimension of homology.
    title
        Heading in tables.
    scores
        The function of its group, ``(prediction, target, settings) -> {column: value}``. Metrics
        with the same function are computed by one call. It is given boolean masks ``(*spatial)``,
        or arrays in [0, 1] where `needs` says ``"probabilities"``; if `batched`, a stack
        ``(N, *spatial)`` of either, and returns ``(N,)`` values.
    direction
        Which way is better; None for a column that describes the data and must not be ranked.
    empty
        What happens to empty masks.
    range
        Least and greatest possible value; None where unbounded.
    digits
        Decimals in tables.
    unit
        ``""`` where the value is a plain number, ``"spacing"`` for units of the spacing.
    needs
        What the value depends on.
    network
        The auxiliary network of the dataset that the function calls, in `Settings.networks`.
    spatial_dims
        Where it is defined.
    over_classes
        How the values of several classes become that of the case.
    cost
        ``"low"``: below a millisecond for a 2D image of 256 x 256; ``"medium"``: some
        milliseconds; ``"high"``: more.
    revision
        Raised when a change of the code changes values; every record says by which it was scored.
    batched
        Whether the function takes stacks.
    crops
        Whether the value is the same if only the box that holds both masks is given, with a margin
        of two voxels of background, and `Settings.shape` says how large the image is. A small thing
        in a large image then costs what it costs alone. Where a frame or a dark foreground makes
        background count, the whole image is given all the same.
    on_request
        Computed only where it is named, itself or by a preset, and not among "all".
    label
        Its name in CSV files and in ``published.csv``; that of the column by default.
    function
        The public function of `topoeval.metrics` behind it, for the documents.
    dimension
        Homology dimension that the column is about; None for all together, or none.

    Raises
    ------
    UserError
        If a field is not what is said here.

    Examples
    --------
    >>> def volume(prediction, target, settings):
    ...     return {"volume_error": abs(int(prediction.sum()) - int(target.sum()))}
    >>> Metric(
    ...     name="volume_error", title="Volume error", scores=volume, direction="lower",
    ...     range=(0, None), unit="voxels", empty=Empty(0, "counted", "counted"),
    ... ).header
    'Volume error ↓'
    """

    name: str
    title: str
    scores: Scores
    direction: Better | None
    empty: Empty
    range: tuple[float, float | None] = (0.0, 1.0)
    digits: int = 3
    unit: str = ""
    needs: tuple[Need, ...] = ("masks",)
    network: str = ""
    spatial_dims: tuple[int, ...] = (2, 3)
    over_classes: Reduction = "mean"
    cost: Cost = "low"
    revision: int = 1
    batched: bool = False
    crops: bool = False
    on_request: bool = False
    label: str = ""
    function: str = ""
    dimension: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"a metric's name is lower-case letters, digits and _, got {self.name!r}"
            )
        for key, value, choices in (
            ("direction", self.direction, (*get_args(Better), None)),
            ("over_classes", self.over_classes, get_args(Reduction)),
            ("cost", self.cost, get_args(Cost)),
            *(("needs", need, get_args(Need)) for need in self.needs),
        ):
            if value not in choices:
                known = ", ".join(map(repr, choices))
                raise UserError(f"metric {self.name!r}: {key} is one of {known}, got {value!r}")
        low, high = self.range
        if high is not None and not low < high:
            raise UserError(f"metric {self.name!r}: a range goes upwards, got {self.range}")

    @property
    def column_label(self) -> str:
        """Its name in CSV files."""
        return self.label or self.name

    @property
    def header(self) -> str:
        """Title with the arrow of its good direction."""
        return self.title + {"higher": " ↑", "lower": " ↓", None: ""}[self.direction]

    @property
    def low(self) -> float:
        """Least possible value."""
        return float(self.range[0])

    @property
    def high(self) -> float:
        """Greatest possible value, infinite where there is none."""
        return float("inf") if self.range[1] is None else float(self.range[1])

    @property
    def right_or_wrong(self) -> bool:
        """Whether a case is right or wrong, 1 or 0, as in `matches_truth`.

        It follows from `over_classes`: of such a score, and of no other, all classes must be right.
        """
        return self.over_classes == "all"

    @property
    def per_dimension(self) -> bool:
        """Whether it stands for one column per dimension of homology."""
        return "{k}" in self.name

    def of_dimension(self, k: int) -> Metric:
        """Return the column of one dimension."""
        texts = {key: getattr(self, key).format(k=k) for key in ("name", "title", "label")}
        return replace(self, **texts, dimension=k)

    def fits_a_box(self, settings: Settings) -> bool:
        """Whether the box of the masks has the value of the image, under these settings."""
        background = settings.topology.framed or not settings.topology.superlevel
        return self.crops and not ("topology" in self.needs and background)

    def possible(self, spatial_dims: int, given: frozenset[str]) -> bool:
        """Whether images of so many dimensions, with what is given beside masks, have it."""
        has_network = not self.network or self.network in given
        return spatial_dims in self.spatial_dims and has_network and given.issuperset(self.needs)
