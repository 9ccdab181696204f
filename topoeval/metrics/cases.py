"""All recorded values of a batch of cases, one column per metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_numpy, check_same_shape
from topoeval.metrics.betti import betti_matches, betti_numbers
from topoeval.metrics.intensity import mse
from topoeval.metrics.overlap import dice
from topoeval.topology import Topology

THRESHOLD = 0.5


def evaluate_cases(
    probabilities: Array, targets: Array, priors: ArrayLike | None, topology: Topology
) -> dict[str, NDArray[Any]]:
    """Score each case of a batch; `topoeval.metrics.METRICS` explains the columns.

    A mask is ``value >= 0.5``, the threshold itself included. Dice compares these masks. Betti
    numbers are those of the same masks where bright is foreground, and of their complements under
    a sublevel topology.

    Every channel is a foreground class. Over several classes Dice and the squared error are means
    (a class absent from both masks scores Dice 1), counts and errors are sums, and a case matches
    when each class does.

    Parameters
    ----------
    probabilities
        Predictions, ``(B, C, *spatial)`` in [0, 1].
    targets
        Truth, same shape and range.
    priors
        Betti numbers the structures should have, ``(B, d)`` or, for several classes,
        ``(B, C, d)``; None leaves the two columns about priors out.
    topology
        Construction, direction and border.

    Returns
    -------
    Arrays of shape ``(B,)`` by column: ``dice``, ``mse`` (float64); ``b0 ...``, ``b0_true ...``,
    ``betti_error_0 ...``, ``betti_error`` (int64); ``matches_truth`` and, given priors,
    ``matches_prior`` and ``truth_matches_prior`` (bool). The mean of the last is the highest prior
    accuracy that a perfect segmentation would reach.

    Raises
    ------
    UserError
        If shapes disagree or a value lies outside [0, 1] (logits, NaN).

    Examples
    --------
    >>> ring = np.ones((1, 1, 3, 3))
    >>> ring[..., 1, 1] = 0
    >>> columns = evaluate_cases(np.ones((1, 1, 3, 3)), ring, [(1, 1)], Topology())
    >>> {name: columns[name].item() for name in ("b1", "b1_true", "betti_error", "matches_prior")}
    {'b1': 0, 'b1_true': 1, 'betti_error': 1, 'matches_prior': False}
    """
    p, g = _checked(probabilities, "probabilities"), _checked(targets, "targets")
    check_same_shape(p, g)
    if p.ndim not in (4, 5):
        raise UserError(f"cases have shape (B, C, *spatial) in 2D or 3D, got {p.shape}")
    ndim = p.ndim - 2

    p_mask, g_mask = p >= THRESHOLD, g >= THRESHOLD
    columns: dict[str, NDArray[Any]] = {
        "dice": dice(p_mask, g_mask, ndim).mean(axis=1),
        "mse": mse(p, g, ndim).mean(axis=1),
    }

    if not topology.superlevel:
        p_mask, g_mask = ~p_mask, ~g_mask
    betti = betti_numbers(p_mask, topology, ndim)
    truth = betti_numbers(g_mask, topology, ndim)
    error = np.abs(betti - truth)
    for stem, counts in (("b{}", betti), ("b{}_true", truth), ("betti_error_{}", error)):
        for k in range(ndim):
            columns[stem.format(k)] = counts[..., k].sum(axis=1)
    columns["betti_error"] = error.sum(axis=(1, 2))
    columns["matches_truth"] = np.all(betti_matches(betti, truth), axis=1)

    if priors is not None:
        wanted = _per_class(priors, betti.shape)
        columns["matches_prior"] = np.all(betti_matches(betti, wanted), axis=1)
        columns["truth_matches_prior"] = np.all(betti_matches(truth, wanted), axis=1)
    return columns


def _checked(values: Array, name: str) -> NDArray[Any]:
    array = as_numpy(values)
    # Written so that NaN, which fails every comparison, is refused too.
    if not np.all((array >= 0) & (array <= 1)):
        raise UserError(
            f"{name} must lie in [0, 1], got {np.min(array)} to {np.max(array)}; "
            "apply the sigmoid first"
        )
    return array


def _per_class(priors: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
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
