"""Columns of challenges and of single fields: computed where they are named, or by a preset."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics import groups
from topoeval.metrics.airways import airway_scores
from topoeval.metrics.betti import normalised_betti_error
from topoeval.metrics.boundary import boundary_iou
from topoeval.metrics.contours import (
    TOPBRAIN_FARTHEST,
    TOPCOW_FARTHEST,
    cldice_as_thinned,
    contour_hd95,
)
from topoeval.metrics.instances import instance_scores, scores_of_labels
from topoeval.metrics.membranes import cell_scores
from topoeval.metrics.metric import Empty, Metric, Settings
from topoeval.metrics.neighbours import invalid_neighbours
from topoeval.metrics.overlap import iou, precision
from topoeval.metrics.roads import network_scores
from topoeval.metrics.runs import run_lengths
from topoeval.metrics.sheets import feature_counts, vesuvius_scores
from topoeval.metrics.surface import surface_dice
from topoeval.metrics.tubes import tree_scores

Mask = NDArray[np.bool_]
Columns = dict[str, Any]

_OVERLAP = Empty(both=1, prediction=0, target=0)
_COUNTED = Empty(both=1, prediction="counted", target="counted")
_ERRORS = Empty(both=0, prediction="counted", target="counted")
_WRONG = Empty(both=0, prediction=1, target=1)

DETECTED = 0.25
"""IoU from which on TopCoW and TopBrain count a class as detected."""


def topology_f1(p: Mask, g: Mask, settings: Settings) -> Columns:
    """F1 of matched features."""
    counts = feature_counts(*groups.phases(p, g, settings), settings.topology)
    of_each = np.nan_to_num(counts.f1(), nan=1.0)
    return {
        "topo_f1": counts.mean_f1(),
        **{f"topo_f1_{k}": value for k, value in enumerate(of_each)},
    }


def surfaces(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Surface Dice by area."""
    tolerance = settings.tolerance
    if tolerance is None:
        tolerance = max(settings.spacing or (1.0,))
    return {"surface_dice": float(surface_dice(p, g, tolerance, settings.spacing))}


def vesuvius(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Score of the Vesuvius contest."""
    return dict(vesuvius_scores(p, g))


def vesuvius_whole(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Score of the Vesuvius contest, topology of the whole volume."""
    found = vesuvius_scores(p, g, octants=False)
    return {f"{name}_exact": found[name] for name in ("vesuvius", "vesuvius_topology")}


def trees(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of trees of tubes."""
    return dict(tree_scores(p, g))


def cells(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of the cells between membranes."""
    return dict(cell_scores(*groups.phases(p, g, settings), settings.topology))


def networks(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of networks of lines."""
    return dict(network_scores(p, g, settings.tolerance, settings.spacing))


def instances(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of components as objects."""
    if settings.instances:
        assert settings.maps is not None  # needed, so given
        return dict(scores_of_labels(*settings.maps))
    return dict(instance_scores(*groups.phases(p, g, settings), settings.topology))


def rims(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Boundary IoU."""
    return {"boundary_iou": float(boundary_iou(p, g, shape=settings.shape))}


def shares(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Precision and sensitivity by voxels, and whether the class is detected."""
    found = bool(iou(p, g) >= DETECTED) and bool(g.any() or not p.any())
    return {
        "precision": float(precision(p, g)),
        "sensitivity": float(precision(g, p)),
        "detection_error": float(not found),
    }


def airways(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Scores of ATM'22, by its branches."""
    return dict(airway_scores(p, g))


def contours(p: Mask, g: Mask, settings: Settings) -> Columns:
    """HD95 of TopCoW and TopBrain."""
    found = contour_hd95(p, g, settings.spacing)
    return {
        "topcow_hd95": TOPCOW_FARTHEST if found is None else found,
        "topbrain_hd95": TOPBRAIN_FARTHEST if found is None else found,
    }


def thinned(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Centreline Dice of skeletons as scikit-image makes them."""
    return {"cldice_as_thinned": float(cldice_as_thinned(p, g))}


def relative_betti(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Normalised Betti error."""
    masks = groups.phases(p, g, settings)
    return {
        "betti_error_normalised": float(
            normalised_betti_error(*masks, settings.topology, masks[0].ndim)
        )
    }


def runs(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Expected run length."""
    return dict(run_lengths(*groups.phases(p, g, settings), settings.topology, settings.spacing))


def neighbours(p: Mask, g: Mask, settings: Settings) -> Columns:
    """Classes that touch and may not."""
    assert settings.maps is not None  # needed, so given
    return {"invalid_neighbours": invalid_neighbours(p, g, settings.maps, settings.neighbours)}


_score = partial(
    Metric, direction="higher", empty=_OVERLAP, cost="medium", crops=True, on_request=True
)
_f1 = partial(
    _score, scores=topology_f1, empty=_COUNTED, needs=("masks", "topology"), function="topo_f1"
)
_volume = partial(
    _score, spatial_dims=(3,), empty=_COUNTED, cost="high", crops=False,
    function="vesuvius_scores",
)  # fmt: skip
_tree = partial(_score, scores=trees, function="tree_scores")
_cell = partial(
    _score, scores=cells, direction="lower", range=(0.0, None), empty=_ERRORS, crops=False,
    needs=("masks", "topology"), function="cell_scores",
)  # fmt: skip
_network = partial(
    _score, scores=networks, cost="high", needs=("masks", "spacing", "tolerance"),
    function="network_scores",
)  # fmt: skip
_instance = partial(
    _score, scores=instances, needs=("masks", "topology"), function="instance_scores"
)
_nsd = partial(
    _score, scores=groups.distances, needs=("masks", "spacing"),
    function="normalised_surface_dice",
)  # fmt: skip

_run = partial(_score, scores=runs, needs=("masks", "topology", "spacing"), function="run_lengths")
_hd95 = partial(
    _score, scores=contours, direction="lower", range=(0.0, None), unit="spacing", digits=2,
    needs=("masks", "spacing"), function="contour_hd95",
)  # fmt: skip
_airway = partial(_score, scores=airways, spatial_dims=(3,), cost="high", function="airway_scores")

CHALLENGES: tuple[Metric, ...] = (
    _score(name="precision", title="Precision", scores=shares, cost="low", function="precision"),
    _score(name="sensitivity", title="Sensitivity", scores=shares, cost="low",
           function="precision"),
    _score(name="detection_error", title="Not detected (IoU below 0.25)", scores=shares,
           direction="lower", empty=_WRONG, cost="low", function="iou"),
    _score(name="betti_error_normalised", title="Normalised Betti error", scores=relative_betti,
           direction="lower", empty=Empty(both=0, prediction=1, target=1),
           needs=("masks", "topology"), cost="low", function="normalised_betti_error"),
    _score(name="cldice_as_thinned", title="clDice of scikit-image's skeletons", scores=thinned,
           function="cldice_as_thinned"),
    _hd95(name="topcow_hd95", title="HD95 (TopCoW)",
          empty=Empty(both=0, prediction=TOPCOW_FARTHEST, target=TOPCOW_FARTHEST)),
    _hd95(name="topbrain_hd95", title="HD95 (TopBrain)",
          empty=Empty(both=0, prediction=TOPBRAIN_FARTHEST, target=TOPBRAIN_FARTHEST)),
    _score(name="invalid_neighbours", title="Invalid neighbours", scores=neighbours,
           direction="lower", range=(0.0, None), unit="classes", empty=_ERRORS, crops=False,
           needs=("masks", "maps"), over_classes="sum", function="invalid_neighbours"),
    Metric(name="hd95_pooled", title="HD95 of both sets pooled (MedPy)", scores=groups.distances,
           direction="lower", range=(0.0, None), unit="spacing", digits=2, cost="medium",
           empty=Empty(both=0, prediction="diagonal", target="diagonal"), crops=True,
           needs=("masks", "spacing"), on_request=True, function="boundary_distances"),
    *(_nsd(name=f"nsd_{units}", title=f"NSD within {units}") for units in groups.NSD_UNITS),
    _score(name="surface_dice", title="Surface Dice by area", scores=surfaces,
           needs=("masks", "spacing", "tolerance"), function="surface_dice"),
    _score(name="boundary_iou", title="Boundary IoU", scores=rims, function="boundary_iou"),
    _f1(name="topo_f1", title="Topology F1"),
    _f1(name="topo_f1_{k}", title="Topology F1 b{k}"),
    _volume(name="vesuvius", title="Vesuvius score", scores=vesuvius),
    _volume(name="vesuvius_topology", title="Its topology, by octants", scores=vesuvius),
    _volume(name="vesuvius_surface", title="Its surface Dice", scores=vesuvius),
    _volume(name="vesuvius_partition", title="Its partition", scores=vesuvius),
    _volume(name="vesuvius_exact", title="Vesuvius score without octants", scores=vesuvius_whole),
    _volume(name="vesuvius_topology_exact", title="Its topology without octants",
            scores=vesuvius_whole),
    _tree(name="tree_length_detected", title="Tree length detected"),
    _tree(name="branches_detected", title="Branches detected"),
    _airway(name="atm22_length", title="Tree length detected (ATM'22)"),
    _airway(name="atm22_branches", title="Branches detected (ATM'22)"),
    _tree(name="leakage", title="Leakage", direction="lower", range=(0.0, None), empty=_ERRORS),
    _cell(name="cell_voi_split", title="Split cells (VOI)", unit="bits"),
    _cell(name="cell_voi_merge", title="Merged cells (VOI)", unit="bits"),
    _cell(name="cell_rand_error", title="Rand error of cells", range=(0.0, 1.0),
          revision=2),
    _cell(name="cremi", title="CREMI score", revision=2),
    _run(name="erl", title="Expected run length", range=(0.0, None), unit="spacing", digits=2,
         empty=Empty(both=0, prediction=0, target=0)),
    _run(name="nerl", title="Normalised expected run length"),
    _network(name="completeness", title="Completeness"),
    _network(name="correctness", title="Correctness"),
    _network(name="quality", title="Quality"),
    _network(name="junction_f1", title="Junction F1"),
    _network(name="apls", title="APLS"),
    _network(name="tlts", title="TLTS"),
    _instance(name="pq", title="Panoptic quality"),
    _instance(name="sq", title="Segmentation quality"),
    _instance(name="rq", title="Recognition quality"),
    _instance(name="instance_f1", title="F1 of objects that touch"),
    _instance(name="instance_dice", title="Dice of objects"),
)  # fmt: skip
"""Their metrics, in the order of tables."""
