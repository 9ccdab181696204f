"""All scores of one pair of masks, what is shared between them computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError, nearest
from topoeval.metrics.arrays import Array, as_mask, check_same_shape
from topoeval.metrics.betti import betti_matches, betti_numbers
from topoeval.metrics.cards import cards
from topoeval.metrics.distance import boundary_distances
from topoeval.metrics.euler import euler_error
from topoeval.metrics.matching import Comparison, betti_matching_error
from topoeval.metrics.overlap import dice, iou
from topoeval.metrics.partition import partition_scores
from topoeval.metrics.patches import DEFAULT_SIZE, patch_betti_error
from topoeval.metrics.regions import wrong_regions
from topoeval.metrics.skeletons import cldice_of, skeleton
from topoeval.metrics.topograph import diu
from topoeval.topology import Topology

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Settings:
    """What scores depend on beside the masks.

    Parameters
    ----------
    topology
        Construction, direction and border. Under a sublevel direction the topological scores are
        those of the complements, as in `topoeval.metrics.evaluate_cases`.
    spacing
        Size of a voxel along each axis; 1 by default.
    tolerance
        Of NSD, in units of the spacing; the largest side of a voxel by default.
    patch
        Side of the patches of the patch-wise Betti error, in voxels.
    prior
        Betti numbers that the structure should have, if known.
    """

    topology: Topology = Topology()  # noqa: RUF009  # frozen value, safe to share
    spacing: tuple[float, ...] | None = None
    tolerance: float | None = None
    patch: int = DEFAULT_SIZE
    prior: tuple[int, ...] | None = None


def score(
    prediction: Array,
    target: Array,
    settings: Settings = Settings(),  # frozen value, safe to share
    columns: Iterable[str] | None = None,
) -> dict[str, float]:
    """Score one pair of masks; `topoeval.metrics.cards` explains the columns.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D, all axes spatial.
    settings
        What the scores depend on.
    columns
        Names of the wanted columns; all by default.

    Returns
    -------
    The scores by column, in the order of the cards.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, a column is unknown, or a setting does not fit.

    Examples
    --------
    >>> ring = np.ones((3, 3), dtype=bool)
    >>> ring[1, 1] = False
    >>> score(np.ones((3, 3), dtype=bool), ring, columns=["betti_error_1", "iou"])
    {'iou': 0.8888888888888888, 'betti_error_1': 1.0}
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    known = cards(p.ndim, with_prior=settings.prior is not None)
    wanted = checked_columns(columns, known)
    groups = dict.fromkeys(known[name].group for name in known if name in wanted)
    found: dict[str, float] = {}
    for group in groups:
        found.update(_GROUPS[group](p, g, settings))
    return {name: float(found[name]) for name in known if name in wanted}


def checked_columns(columns: Iterable[str] | None, known: Iterable[str]) -> set[str]:
    """Return the wanted columns.

    Raises
    ------
    UserError
        If one of them is not known.
    """
    known = list(known)
    if columns is None:
        return set(known)
    wanted = set(columns)
    for name in sorted(wanted - set(known)):
        raise UserError(f"unknown metric {name!r}{nearest(name, known)}")
    return wanted


def _overlap(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    return {"dice": float(dice(p, g)), "iou": float(iou(p, g))}


def _betti(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    phases = _phases(p, g, settings)
    betti, truth = (betti_numbers(mask, settings.topology) for mask in phases)
    error = np.abs(betti - truth)
    found: dict[str, float] = {"betti_error": error.sum()}
    for stem, counts in (("b{}", betti), ("b{}_true", truth), ("betti_error_{}", error)):
        found |= {stem.format(k): value for k, value in enumerate(counts)}
    right = bool(betti_matches(betti, truth))
    found["matches_truth"] = right
    found["topology_gated_dice"] = float(dice(p, g)) * right
    if settings.prior is not None:
        found["matches_prior"] = bool(betti_matches(betti, settings.prior))
        found["truth_matches_prior"] = bool(betti_matches(truth, settings.prior))
    return found


def _euler(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    return {"euler_error": int(euler_error(*_phases(p, g, settings), settings.topology))}


def _patches(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    phases = _phases(p, g, settings)
    errors = patch_betti_error(*phases, settings.topology, size=settings.patch)
    return _by_dimension("patch_betti_error", errors)


def _matching(comparison: Comparison) -> Callable[[Mask, Mask, Settings], dict[str, float]]:
    def matched(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
        phases = _phases(p, g, settings)
        errors = betti_matching_error(*phases, settings.topology, comparison=comparison)
        return _by_dimension(f"betti_matching_{comparison}", errors)

    return matched


def _diu(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    return {"diu": int(diu(*_phases(p, g, settings), settings.topology))}


def _skeleton(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    of_p, of_g = skeleton(p), skeleton(g)
    return {
        "cldice": cldice_of(p, g, of_p.voxels, of_g.voxels),
        "skeletons_repaired": of_p.repaired + of_g.repaired,
    }


def _distance(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    distances = boundary_distances(p, g, settings.spacing)
    tolerance = settings.tolerance
    if tolerance is None:
        tolerance = max(settings.spacing or (1.0,))
    return {
        "hd": distances.hausdorff(),
        "hd95": distances.hausdorff(95),
        "assd": distances.mean(),
        "nsd": distances.share_within(tolerance),
    }


def _partition(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    return partition_scores(*_phases(p, g, settings), settings.topology)


def _regions(p: Mask, g: Mask, settings: Settings) -> dict[str, float]:
    wrong = wrong_regions(*_phases(p, g, settings), settings.topology)
    found: dict[str, float] = {}
    for kind in ("false_component", "missed_component", "false_hole", "missed_hole"):
        regions = getattr(wrong, f"{kind}s")
        found[f"{kind}s"] = regions.number
        found[f"{kind}_voxels"] = regions.voxels
    return found


_GROUPS: Mapping[str, Callable[[Mask, Mask, Settings], dict[str, float]]] = {
    "overlap": _overlap,
    "betti": _betti,
    "euler": _euler,
    "patches": _patches,
    "matching_union": _matching("union"),
    "matching_intersection": _matching("intersection"),
    "diu": _diu,
    "skeleton": _skeleton,
    "distance": _distance,
    "partition": _partition,
    "regions": _regions,
}


def _phases(p: Mask, g: Mask, settings: Settings) -> tuple[Mask, Mask]:
    """Return the masks whose topology counts: their complements where dark is foreground."""
    return (p, g) if settings.topology.superlevel else (~p, ~g)


def _by_dimension(name: str, errors: NDArray[np.generic]) -> dict[str, float]:
    values = {f"{name}_{k}": float(value) for k, value in enumerate(errors)}
    return {name: float(errors.sum()), **values}
