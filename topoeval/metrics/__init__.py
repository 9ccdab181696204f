"""Metrics: pure functions of arrays, and what each of them means.

All functions take numpy arrays or torch tensors of shape ``(..., *spatial)``, reduce the last
``spatial_dims`` axes and keep the leading ones, so one call scores a case, a batch or a stack of
classes. Nothing here imports torch, but for `topoeval.metrics.wrappers`. `METRICS` is the registry
of all columns of scores; a metric of one's own is a `Metric` in it.
"""

from topoeval.metrics.airways import airway_scores
from topoeval.metrics.betti import (
    betti_error,
    betti_matches,
    betti_numbers,
    normalised_betti_error,
)
from topoeval.metrics.boundary import boundary_iou
from topoeval.metrics.catalogue import METRICS, available_columns, metric_of
from topoeval.metrics.classes import class_masks, pairwise_unions
from topoeval.metrics.components import enclosed, label
from topoeval.metrics.contours import cldice_as_thinned, contour_hd95
from topoeval.metrics.diagrams import bottleneck_distance, wasserstein_distance
from topoeval.metrics.distance import (
    average_surface_distance,
    boundary_distances,
    hausdorff_distance,
    normalised_surface_dice,
)
from topoeval.metrics.euler import euler_error, euler_number
from topoeval.metrics.instances import instance_scores, panoptic_quality
from topoeval.metrics.intensity import mse
from topoeval.metrics.matching import betti_matching_error
from topoeval.metrics.membranes import cell_scores, cremi_score
from topoeval.metrics.metric import Empty, Metric, Settings
from topoeval.metrics.neighbours import invalid_neighbours
from topoeval.metrics.overlap import dice, iou, precision, topology_gated_dice
from topoeval.metrics.partition import (
    adapted_rand_error,
    adjusted_rand_index,
    variation_of_information,
)
from topoeval.metrics.patches import patch_betti_error
from topoeval.metrics.regions import wrong_regions
from topoeval.metrics.roads import apls, network_scores
from topoeval.metrics.runs import run_lengths
from topoeval.metrics.scores import score, score_cases
from topoeval.metrics.sheets import topo_f1, vesuvius_scores
from topoeval.metrics.skeletons import cldice, skeleton
from topoeval.metrics.surface import surface_dice
from topoeval.metrics.topograph import diu
from topoeval.metrics.tubes import tree_length_detected, tree_scores

__all__ = [
    "METRICS",
    "Empty",
    "Metric",
    "Settings",
    "adapted_rand_error",
    "adjusted_rand_index",
    "airway_scores",
    "apls",
    "available_columns",
    "average_surface_distance",
    "betti_error",
    "betti_matches",
    "betti_matching_error",
    "betti_numbers",
    "bottleneck_distance",
    "boundary_distances",
    "boundary_iou",
    "cell_scores",
    "class_masks",
    "cldice",
    "cldice_as_thinned",
    "contour_hd95",
    "cremi_score",
    "dice",
    "diu",
    "enclosed",
    "euler_error",
    "euler_number",
    "hausdorff_distance",
    "instance_scores",
    "invalid_neighbours",
    "iou",
    "label",
    "metric_of",
    "mse",
    "network_scores",
    "normalised_betti_error",
    "normalised_surface_dice",
    "pairwise_unions",
    "panoptic_quality",
    "patch_betti_error",
    "precision",
    "run_lengths",
    "score",
    "score_cases",
    "skeleton",
    "surface_dice",
    "topo_f1",
    "topology_gated_dice",
    "tree_length_detected",
    "tree_scores",
    "variation_of_information",
    "vesuvius_scores",
    "wasserstein_distance",
    "wrong_regions",
]
