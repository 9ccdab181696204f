"""The metrics there are: one registry, which scores, runs, tables and documents read.

`METRICS` maps a name to its `Metric`. A package adds metrics through the entry-point group
``topoeval.metrics``, a file through ``--plugin``; docs/add-a-metric.md does it step by step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from topoeval.errors import UserError, nearest
from topoeval.metrics import groups
from topoeval.metrics.challenges import CHALLENGES
from topoeval.metrics.metric import ALWAYS, Empty, Metric, Need
from topoeval.registry import Registry

_OVERLAP = Empty(both=1, prediction=0, target=0)
_DISTANCE = Empty(both=0, prediction="diagonal", target="diagonal")
_COUNTED = Empty(both=0, prediction="counted", target="counted")
_ERROR = Empty(both=0, prediction=1, target=1)
_MATCH = Empty(both=1, prediction="counted", target="counted")
_DESCRIBES = Empty(both="counted", prediction="counted", target="counted")
_T: tuple[Need, ...] = ("masks", "topology")
_S: tuple[Need, ...] = ("masks", "spacing")
_PRIOR: tuple[Need, ...] = (*_T, "prior")

# Errors that are counted, and columns that describe a mask and are not ranked.
_count = partial(
    Metric, direction="lower", range=(0.0, None), empty=_COUNTED, needs=_T, over_classes="sum",
    unit="features", crops=True,
)  # fmt: skip
_describes = partial(
    Metric, direction=None, range=(0.0, None), empty=_DESCRIBES, needs=_T, over_classes="sum",
    unit="features", crops=True,
)  # fmt: skip
_overlap = partial(
    Metric, direction="higher", scores=groups.overlap_stack, batched=True, crops=True,
    empty=_OVERLAP,
)  # fmt: skip
_betti_count = partial(_count, scores=groups.betti_stack, batched=True)
_betti_number = partial(
    _describes, scores=groups.betti_stack, batched=True, function="betti_numbers"
)
_match = partial(
    Metric, scores=groups.betti_stack, batched=True, crops=True, over_classes="all",
    function="betti_matches",
)  # fmt: skip
_patch = partial(
    _count, scores=groups.patches, needs=(*_T, "patch"), unit="features per patch", cost="medium",
    crops=False, function="patch_betti_error",
)  # fmt: skip
_union = partial(
    _count, scores=groups.matching_union_stack, batched=True, cost="medium",
    function="betti_matching_error",
)  # fmt: skip
_intersection = partial(
    _count, scores=groups.matching_intersection_stack, batched=True, cost="medium",
    function="betti_matching_error",
)  # fmt: skip
_skeleton = partial(
    Metric, direction="higher", scores=groups.skeletons, empty=_OVERLAP, cost="medium", revision=2,
    crops=True, function="cldice",
)  # fmt: skip
_distance = partial(
    Metric, direction="lower", scores=groups.distances, range=(0.0, None), unit="spacing",
    empty=_DISTANCE, needs=_S, cost="medium", digits=2, crops=True,
)  # fmt: skip
_partition = partial(
    Metric, scores=groups.partition, needs=_T, cost="medium", crops=True,
)  # fmt: skip
_bits = partial(
    _partition, direction="lower", range=(0.0, None), unit="bits", empty=_COUNTED,
    function="variation_of_information",
)  # fmt: skip
_region = partial(_count, scores=groups.regions, cost="medium", function="wrong_regions")

BUILTIN: tuple[Metric, ...] = (
    _overlap(name="dice", title="Dice", function="dice"),
    _overlap(name="iou", title="Intersection over union", function="iou"),
    _betti_count(name="betti_error", title="Betti error", function="betti_error"),
    _betti_count(name="betti_error_{k}", title="Betti error b{k}", function="betti_error"),
    _betti_number(name="b{k}", title="Betti number {k}"),
    _betti_number(name="b{k}_true", title="Betti number {k} of the truth"),
    _match(name="matches_truth", title="Betti accuracy", label="betti_accuracy",
           direction="higher", empty=_MATCH, needs=_T),
    _match(name="matches_prior", title="Prior accuracy", label="prior_accuracy",
           direction="higher", empty=_DESCRIBES, needs=_PRIOR),
    _match(name="truth_matches_prior", title="Prior ceiling", label="prior_ceiling",
           direction=None, empty=_DESCRIBES, needs=_PRIOR),
    Metric(name="topology_gated_dice", title="Topology-gated Dice", scores=groups.betti_stack,
           batched=True, crops=True, direction="higher", empty=_OVERLAP, needs=_T,
           function="topology_gated_dice"),
    _count(name="euler_error", title="Euler error", scores=groups.euler_stack, batched=True,
           unit="", function="euler_error"),
    _patch(name="patch_betti_error", title="Patch Betti error"),
    _patch(name="patch_betti_error_{k}", title="Patch Betti error b{k}"),
    _union(name="betti_matching_union", title="Betti matching error (union)"),
    _union(name="betti_matching_union_{k}", title="Betti matching error b{k} (union)"),
    _intersection(name="betti_matching_intersection", title="Betti matching error (intersection)"),
    _intersection(name="betti_matching_intersection_{k}",
                  title="Betti matching error b{k} (intersection)"),
    _count(name="diu", title="DIU", scores=groups.topograph, spatial_dims=(2,), cost="medium",
           function="diu"),
    _skeleton(name="cldice", title="clDice"),
    _skeleton(name="cldice_precision", title="clDice precision"),
    _skeleton(name="cldice_sensitivity", title="clDice sensitivity"),
    _describes(name="skeletons_repaired", title="Components whose skeleton was lost",
               scores=groups.skeletons, unit="components", needs=("masks",), cost="medium",
               function="skeleton"),
    _distance(name="hd", title="HD", function="hausdorff_distance"),
    _distance(name="hd95", title="HD95", function="hausdorff_distance"),
    _distance(name="assd", title="ASSD", function="average_surface_distance"),
    _distance(name="nsd", title="NSD", direction="higher", range=(0.0, 1.0), unit="",
              empty=_OVERLAP, needs=(*_S, "tolerance"), digits=3, revision=2,
              function="normalised_surface_dice"),
    _partition(name="adapted_rand_error", title="Adapted Rand error", direction="lower",
               empty=_ERROR, function="adapted_rand_error"),
    _partition(name="adjusted_rand_index", title="Adjusted Rand index", direction="higher",
               range=(-0.5, 1.0), empty=_OVERLAP, revision=2, function="adjusted_rand_index"),
    _bits(name="voi", title="Variation of information"),
    _bits(name="voi_split", title="Its part by splits"),
    _bits(name="voi_merge", title="Its part by merges"),
    _region(name="false_components", title="False components", unit="components"),
    _region(name="missed_components", title="Missed components", unit="components"),
    _region(name="false_holes", title="False holes or cavities", unit="holes"),
    _region(name="missed_holes", title="Missed holes or cavities", unit="holes"),
    _region(name="false_component_voxels", title="Size of false components", unit="voxels"),
    _region(name="missed_component_voxels", title="Size of missed components", unit="voxels"),
    _region(name="false_hole_voxels", title="Size of false holes", unit="voxels"),
    _region(name="missed_hole_voxels", title="Size of missed holes", unit="voxels"),
    Metric(name="mse", title="MSE", scores=groups.intensity_stack, batched=True,
           direction="lower", digits=4, needs=("probabilities",), empty=_DESCRIBES,
           function="mse"),
    *CHALLENGES,
)  # fmt: skip
"""The metrics of this package, in the order of tables."""


DEFAULT = (
    "dice", "betti_error", "betti_error_{k}", "b{k}", "b{k}_true", "matches_truth",
    "matches_prior", "truth_matches_prior", "betti_matching_union", "betti_matching_union_{k}",
    "cldice", "cldice_precision", "cldice_sensitivity", "hd95", "nsd",
)  # fmt: skip
"""What a suite that names no metrics is scored by, as far as its datasets have what it needs."""
DEFAULT_NAME = "default"
"""What stands for all of these among the metrics of a suite."""


def _check(plugin: object) -> None:
    if not isinstance(plugin, Metric):
        raise TypeError(f"a metric is a topoeval.metrics.Metric, got {type(plugin).__name__}")


METRICS: Registry[Metric] = Registry(
    "metric",
    {
        **{metric.name: metric for metric in BUILTIN},
        # of one dataset alone, and beside it
        "digit_correct": "topoeval.datasets.digit_reading:DIGIT_CORRECT",
    },
    group="topoeval.metrics",
    validate=_check,
)
"""Every metric by name, those per dimension under their ``{k}``."""

_ORDER = {metric.name: place for place, metric in enumerate(BUILTIN)}


def metrics() -> list[Metric]:
    """Return every metric that can be used here: ours in the order of tables, then others."""
    names = sorted(METRICS.available(), key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    return [METRICS.load(name) for name in names]


def available_columns(spatial_dims: int, given: Collection[str] = ()) -> dict[str, Metric]:
    """Return the metrics by column, those per dimension of homology written out.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    given
        What there is beside two masks: ``"prior"``, ``"probabilities"``, ``"labels"``, and names of
        auxiliary networks.

    Examples
    --------
    >>> [name for name in available_columns(2) if name.startswith("b0")]
    ['b0', 'b0_true']
    """
    there = ALWAYS | frozenset(given)
    found = {}
    for metric in metrics():
        if not metric.possible(spatial_dims, there):
            continue
        for one in (
            [metric.of_dimension(k) for k in range(spatial_dims)]
            if metric.per_dimension
            else [metric]
        ):
            found[one.name] = one
    return found


def every_column() -> dict[str, Metric]:
    """Return all columns there can be, in 2D or 3D, whatever they need.

    Examples
    --------
    >>> every_column()["betti_error_2"].title
    'Betti error b2'
    """
    found = {}
    for metric in metrics():
        dims = range(max(metric.spatial_dims)) if metric.per_dimension else [None]
        for k in dims:
            one = metric if k is None else metric.of_dimension(k)
            found[one.name] = one
    return found


def registered_name(metric: Metric) -> str:
    """Return the name under which the metric of a column is registered."""
    if metric.dimension is None or metric.name in METRICS:
        return metric.name
    k = str(metric.dimension)
    (name,) = (n for n in METRICS if "{k}" in n and n.replace("{k}", k) == metric.name)
    return name


_OWN = "; one of your own is named by --plugin FILE_OR_MODULE"


def metric_of(column: str) -> Metric:
    """Return the metric of a column.

    Raises
    ------
    UserError
        If no metric has it; the message offers the nearest name.
    """
    known = every_column()
    if column not in known:
        raise UserError(f"unknown metric {column!r}{nearest(column, known)}{_OWN}")
    return known[column]


def chosen(names: str | Iterable[str] | None, known: Mapping[str, Metric]) -> list[str]:
    """Return the wanted columns, in the order of `known`.

    Parameters
    ----------
    names
        Columns, or names of metrics with ``{k}`` for every dimension; one name may be given as a
        text. None for all that are not computed on request alone.
    known
        The columns there can be.

    Raises
    ------
    UserError
        If one of them is not known.

    Examples
    --------
    >>> chosen(["betti_error_{k}", "dice"], available_columns(2))
    ['dice', 'betti_error_0', 'betti_error_1']
    """
    if names is None:
        return [name for name, metric in known.items() if not metric.on_request]
    wanted: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        written_out = {name.replace("{k}", str(k)) for k in range(3)} & set(known)
        if not written_out:
            raise UserError(_not_here(name, known))
        wanted |= written_out
    return [name for name in known if name in wanted]


def _not_here(name: str, known: Mapping[str, Metric]) -> str:
    """Say why a metric is not among the columns there can be."""
    every = every_column()
    forms = [form for k in range(3) if (form := name.replace("{k}", str(k))) in every]
    if not forms:
        return f"unknown metric {name!r}{nearest(name, known)}{_OWN}"
    metric = every[forms[0]]
    dims = [d for d in metric.spatial_dims if d > (metric.dimension or 0)]
    masks = " or ".join(f"{d}D" for d in dims)
    beside = [{"maps": "label maps"}.get(need, need) for need in metric.needs if need not in ALWAYS]
    given = f", with {' and '.join(beside)} beside them" if beside else ""
    return f"metric {name!r} is not possible here: it takes {masks} masks{given}"
