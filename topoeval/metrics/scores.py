"""Scores of one pair of masks, and of the cases of a run: what groups share is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_mask, as_numpy, check_same_shape
from topoeval.metrics.box import MARGIN, box_of
from topoeval.metrics.catalogue import available_columns, chosen
from topoeval.metrics.metric import Metric, Settings

THRESHOLD = 0.5

_REDUCTIONS: Mapping[str, Callable[..., Any]] = {"mean": np.mean, "sum": np.sum, "all": np.all}


def score(
    prediction: Array,
    target: Array,
    settings: Settings = Settings(),  # noqa: B008  # frozen value, safe to share
    columns: str | Iterable[str] | None = None,
) -> dict[str, float]:
    """Score one pair of masks; `topoeval.metrics.METRICS` explains the columns.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D, all axes spatial.
    settings
        What the scores depend on.
    columns
        Names of the wanted columns, or one name; all by default.

    Returns
    -------
    The scores by column, in the order of tables.

    Raises
    ------
    UserError
        If a mask is not boolean or neither 2D nor 3D, the shapes differ, a column is unknown, or a
        setting does not fit.

    Examples
    --------
    >>> ring = np.ones((3, 3), dtype=bool)
    >>> ring[1, 1] = False
    >>> score(np.ones((3, 3), dtype=bool), ring, columns=["betti_error_1", "iou"])
    {'iou': 0.8888888888888888, 'betti_error_1': 1.0}
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    if p.ndim not in (2, 3):
        raise UserError(f"score takes one mask, (H, W) or (D, H, W), got shape {p.shape}")
    return MaskPair(p, g).score(settings, columns)


class MaskPair:
    """A pair of masks, scored on their box by whatever needs no more of the image.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D, all axes spatial.
    """

    def __init__(self, prediction: NDArray[np.bool_], target: NDArray[np.bool_]) -> None:
        self.masks = prediction, target
        ndim = prediction.ndim
        self.box = box_of(prediction, target, margin=MARGIN) or (slice(0, 2 * MARGIN),) * ndim

    @cached_property
    def cropped(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The masks on their box."""
        p, g = (np.ascontiguousarray(mask[self.box]) for mask in self.masks)
        return p, g

    def score(
        self, settings: Settings, columns: str | Iterable[str] | None = None
    ) -> dict[str, float]:
        """Return the scores by column, in the order of tables; see `score`."""
        shape = self.masks[0].shape
        given = {"prior": settings.prior, "maps": settings.maps}
        known = available_columns(len(shape), [name for name in given if given[name] is not None])
        wanted = [known[name] for name in chosen(columns, known)]
        inside = [metric for metric in wanted if metric.fits_a_box(settings)]
        others = [metric for metric in wanted if metric not in inside]
        found = _scored_one(others, self.masks, settings) if others else {}
        if inside:
            found |= _scored_one(inside, self.cropped, replace(settings, shape=shape))
        return {metric.name: found[metric.name] for metric in wanted}


def score_cases(
    probabilities: Array,
    targets: Array,
    settings: Settings = Settings(),  # noqa: B008  # frozen value, safe to share
    columns: str | Iterable[str] | None = None,
    *,
    priors: ArrayLike | None = None,
    spacings: Sequence[tuple[float, ...]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Score each case of a batch; `topoeval.metrics.METRICS` explains the columns.

    A mask is ``value >= 0.5``, the threshold itself included. Every channel is a foreground class;
    how a metric makes one value of those of several classes is its `Metric.over_classes`: Dice and
    its like are means (a class absent from both masks scores Dice 1), counts and errors are sums,
    and a case matches when each class does.

    Parameters
    ----------
    probabilities
        Predictions, ``(B, C, *spatial)`` in [0, 1].
    targets
        Truth, same shape and range.
    settings
        What the scores depend on; `priors` and `spacings` replace its own.
    columns
        Names of the wanted columns, or one name; by default all that can be computed.
    priors
        Betti numbers the structures should have, ``(B, d)`` or, for several classes,
        ``(B, C, d)``; None leaves the columns about priors out.
    spacings
        Size of a voxel along each axis for each case; None takes that of `settings`.

    Returns
    -------
    Arrays of shape ``(B,)`` by column, in the order of tables; bool where a case matches or does
    not, int64 where something is counted, else float64. The mean of ``truth_matches_prior`` is the
    highest prior accuracy that a perfect segmentation would reach.

    Raises
    ------
    UserError
        If shapes disagree, a value lies outside [0, 1] (logits, NaN), or a column is unknown or
        needs what is not given.

    Examples
    --------
    >>> ring = np.ones((1, 1, 3, 3))
    >>> ring[..., 1, 1] = 0
    >>> names = ["b1", "b1_true", "betti_error", "matches_prior"]
    >>> found = score_cases(np.ones((1, 1, 3, 3)), ring, columns=names, priors=[(1, 1)])
    >>> {name: values.item() for name, values in found.items()}
    {'betti_error': 1, 'b1': 0, 'b1_true': 1, 'matches_prior': False}
    """
    p, g = _checked(probabilities, "probabilities"), _checked(targets, "targets")
    check_same_shape(p, g)
    if p.ndim not in (4, 5):
        raise UserError(f"cases have shape (B, C, *spatial) in 2D or 3D, got {p.shape}")
    cases, classes, *spatial = p.shape
    given = {"probabilities", *settings.networks}
    if priors is not None:
        given.add("prior")
    if settings.labels is not None:
        given.add("labels")
    known = available_columns(len(spatial), given)
    wanted = [known[name] for name in chosen(columns, known)]
    p, g = p.reshape(-1, *spatial), g.reshape(-1, *spatial)
    of_each = _settings_of_each(settings, (cases, classes, len(spatial)), priors, spacings)
    found = _scored(wanted, (p >= THRESHOLD, g >= THRESHOLD), (p, g), of_each)
    return {
        metric.name: _REDUCTIONS[metric.over_classes](
            found[metric.name].reshape(cases, classes), axis=1
        )
        for metric in wanted
    }


def _scored_one(
    wanted: Sequence[Metric], pair: tuple[NDArray[np.bool_], ...], settings: Settings
) -> dict[str, float]:
    """Return the value of each wanted column, for one pair."""
    p, g = pair
    found = _scored(wanted, (p[None], g[None]), None, [settings])
    return {name: float(values[0]) for name, values in found.items()}


def _scored(
    wanted: Sequence[Metric],
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    grey: tuple[NDArray[Any], NDArray[Any]] | None,
    settings: Sequence[Settings],
) -> dict[str, NDArray[Any]]:
    """Return the values ``(N,)`` of each wanted column, for a stack of pairs."""
    found: dict[str, NDArray[Any]] = {}
    for function in dict.fromkeys(metric.scores for metric in wanted):
        group = [metric for metric in wanted if metric.scores is function]
        first = group[0]
        pair = grey if "probabilities" in first.needs else masks
        assert pair is not None  # a metric of probabilities is known where they are given
        if first.batched:
            columns_of = function(pair[0], pair[1], _joined(settings))
            of_group = {m.name: np.asarray(_column(columns_of, m)) for m in group}
        else:
            rows = [function(p, g, one) for p, g, one in zip(*pair, settings, strict=True)]
            of_group = {m.name: np.array([_column(row, m) for row in rows]) for m in group}
        for metric in group:
            found[metric.name] = _in_range(of_group[metric.name], metric, len(settings))
    return {metric.name: found[metric.name] for metric in wanted}


def _column(values: Mapping[str, Any], metric: Metric) -> Any:
    if metric.name not in values:
        raise UserError(
            f"metric {metric.name!r}: its function returned {', '.join(values) or 'nothing'}; "
            f"it must return a mapping with the column {metric.name!r}"
        )
    return values[metric.name]


def _in_range(values: NDArray[Any], metric: Metric, number: int) -> NDArray[Any]:
    """Return the values if there is one per image and each lies in the range of the metric."""
    if values.shape != (number,):
        raise UserError(
            f"metric {metric.name!r}: its function returned values of shape {values.shape} for "
            f"{number} images; it must return one number per image"
        )
    # rounding may leave a share a few units in the last place above 1
    slack = 1e-9
    if not np.all((values >= metric.low - slack) & (values <= metric.high + slack)):
        raise UserError(
            f"metric {metric.name!r}: its function returned {np.min(values)} to {np.max(values)}, "
            f"outside its range {metric.low:g} to {metric.high:g}"
        )
    return values


def _settings_of_each(
    settings: Settings,
    shape: tuple[int, int, int],
    priors: ArrayLike | None,
    spacings: Sequence[tuple[float, ...]] | None,
) -> list[Settings]:
    """Return the settings of every class of every case, one after the other."""
    cases, classes, _ = shape
    wanted = None if priors is None else _per_class(priors, shape)
    if spacings is not None and len(spacings) != cases:
        raise UserError(f"{cases} cases need as many spacings, got {len(spacings)}")
    if settings.labels is not None and len(settings.labels) != cases:
        raise UserError(f"{cases} cases need as many labels, got {len(settings.labels)}")
    return [
        replace(
            settings,
            prior=settings.prior if wanted is None else tuple(wanted[case, c].tolist()),
            spacing=settings.spacing if spacings is None else spacings[case],
            labels=None if settings.labels is None else settings.labels[case : case + 1],
        )
        for case in range(cases)
        for c in range(classes)
    ]


def _joined(settings: Sequence[Settings]) -> Settings:
    """Return the settings of a stack: those of its first image, with the priors of all."""
    first = settings[0]
    labels = None if first.labels is None else np.concatenate([one.labels for one in settings])
    prior = None if first.prior is None else np.array([one.prior for one in settings])
    return replace(first, prior=prior, labels=labels)


def _checked(values: Array, name: str) -> NDArray[Any]:
    array = as_numpy(values)
    # Written so that NaN, which fails every comparison, is refused too.
    if not np.all((array >= 0) & (array <= 1)):
        raise UserError(
            f"{name} must lie in [0, 1], got {np.min(array)} to {np.max(array)}; "
            "apply the sigmoid first"
        )
    return array


def _per_class(priors: ArrayLike, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return the priors as ``(B, C, d)``; one class may leave its axis out."""
    try:
        wanted = np.asarray(priors, dtype=np.int64)
    except (TypeError, ValueError):
        raise UserError("every case needs a prior of equally many Betti numbers, or none") from None
    if shape[1] == 1 and wanted.ndim == 2:
        wanted = wanted[:, None]
    if wanted.shape != shape:
        raise UserError(f"priors must have shape {shape} or (B, d), got {wanted.shape}")
    return wanted
