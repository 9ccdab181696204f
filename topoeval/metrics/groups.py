"""The functions that compute the built-in metrics, a group of columns by each call.

Those named ``*_stack`` take stacks of masks ``(N, *spatial)`` and return arrays ``(N,)``; the
others take one pair of masks ``(*spatial)`` and return numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.betti import betti_matches, betti_numbers
from topoeval.metrics.distance import boundary_distances
from topoeval.metrics.euler import euler_error
from topoeval.metrics.intensity import mse
from topoeval.metrics.matching import betti_matching_error
from topoeval.metrics.metric import Settings
from topoeval.metrics.overlap import dice, iou
from topoeval.metrics.partition import partition_scores
from topoeval.metrics.patches import patch_betti_error
from topoeval.metrics.regions import count_wrong_regions
from topoeval.metrics.skeletons import cldice_halves, skeleton
from topoeval.metrics.topograph import diu

Mask = NDArray[np.bool_]
Columns = dict[str, Any]

NSD_UNITS = (1, 2, 3, 5)
"""Tolerances of the columns ``nsd_1`` and its like, in units of the spacing."""


def overlap_stack(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Dice and IoU."""
    return {"dice": dice(p, g, p.ndim - 1), "iou": iou(p, g, p.ndim - 1)}


def intensity_stack(p: NDArray[Any], g: NDArray[Any], settings: Settings) -> Columns:
    """Squared error of probabilities and grey targets."""
    return {"mse": mse(p, g, p.ndim - 1)}


def betti_stack(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Betti numbers, their errors, and whether they are those of the truth and of the prior."""
    spatial_dims = p.ndim - 1
    betti, truth = (
        betti_numbers(mask, settings.topology, spatial_dims) for mask in phases(p, g, settings)
    )
    error = np.abs(betti - truth)
    found: Columns = {"betti_error": error.sum(axis=-1)}
    for stem, counts in (("b{}", betti), ("b{}_true", truth), ("betti_error_{}", error)):
        found |= {stem.format(k): counts[:, k] for k in range(spatial_dims)}
    right = betti_matches(betti, truth)
    found["matches_truth"] = right
    found["topology_gated_dice"] = dice(p, g, spatial_dims) * right
    if settings.prior is not None:
        found["matches_prior"] = betti_matches(betti, settings.prior)
        found["truth_matches_prior"] = betti_matches(truth, settings.prior)
    return found


def euler_stack(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Error of the Euler number."""
    masks = phases(p, g, settings)
    return {"euler_error": euler_error(*masks, settings.topology, p.ndim - 1)}


def patches(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Betti error of patches."""
    masks = phases(p, g, settings)
    errors = patch_betti_error(*masks, settings.topology, size=settings.patch)
    return _by_dimension("patch_betti_error", errors)


def matching_union_stack(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Betti matching error by the union of the masks."""
    errors = betti_matching_error(*phases(p, g, settings), settings.topology, p.ndim - 1, "union")
    return _by_dimension("betti_matching_union", errors)


def matching_intersection_stack(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Betti matching error by the intersection of the masks."""
    masks = phases(p, g, settings)
    errors = betti_matching_error(*masks, settings.topology, p.ndim - 1, "intersection")
    return _by_dimension("betti_matching_intersection", errors)


def topograph(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Discrepancy of the intersection and the union (DIU)."""
    return {"diu": int(diu(*phases(p, g, settings), settings.topology))}


def skeletons(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Centreline Dice with its halves."""
    of_p, of_g = skeleton(p), skeleton(g)
    precision, sensitivity, both = cldice_halves(p, g, of_p.voxels, of_g.voxels)
    return {
        "cldice": both,
        "cldice_precision": precision,
        "cldice_sensitivity": sensitivity,
        "skeletons_repaired": of_p.repaired + of_g.repaired,
    }


def distances(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Distances of the boundaries."""
    found = boundary_distances(p, g, settings.spacing, settings.shape)
    tolerance = settings.tolerance
    if tolerance is None:
        tolerance = max(settings.spacing or (1.0,))
    return {
        "hd": found.hausdorff(),
        "hd95": found.hausdorff(95),
        "hd95_pooled": found.pooled(95),
        "assd": found.mean(),
        "nsd": found.share_within(tolerance),
        **{f"nsd_{units}": found.share_within(units) for units in NSD_UNITS},
    }


def partition(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of the components as a partition of the voxels."""
    voxels = None if settings.shape is None else math.prod(settings.shape)
    return dict(partition_scores(*phases(p, g, settings), settings.topology, voxels))


def regions(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Number and size of the components and holes that have no counterpart."""
    found: Columns = {}
    counts = count_wrong_regions(*phases(p, g, settings), settings.topology)
    for kind, (number, voxels) in counts.items():
        found |= {f"{kind}s": number, f"{kind}_voxels": voxels}
    return found


def phases(p: Mask, g: Mask, settings: Settings) -> tuple[Mask, Mask]:
    """Return the masks whose topology counts: their complements where dark is foreground."""
    return (p, g) if settings.topology.superlevel else (~p, ~g)


def _by_dimension(name: str, errors: NDArray[Any]) -> Columns:
    """Return the sum and the column of each dimension; the last axis is that of dimensions."""
    values = {f"{name}_{k}": errors[..., k] for k in range(errors.shape[-1])}
    return {name: errors.sum(axis=-1), **values}
