"""Metrics: pure functions of arrays, and what each of them means.

All functions take numpy arrays or torch tensors of shape ``(..., *spatial)``, reduce the last
``spatial_dims`` axes and keep the leading ones, so one call scores a case, a batch or a stack of
classes. Nothing here imports torch, but for `topoeval.metrics.wrappers`.
"""

from topoeval.metrics.betti import betti_error, betti_matches, betti_numbers
from topoeval.metrics.cards import CARDS, Card, cards
from topoeval.metrics.cases import evaluate_cases
from topoeval.metrics.classes import class_masks, pairwise_unions
from topoeval.metrics.components import enclosed, label
from topoeval.metrics.diagrams import bottleneck_distance, wasserstein_distance
from topoeval.metrics.distance import (
    average_surface_distance,
    boundary_distances,
    hausdorff_distance,
    normalised_surface_dice,
)
from topoeval.metrics.euler import euler_error, euler_number
from topoeval.metrics.info import METRICS, MetricInfo
from topoeval.metrics.intensity import mse
from topoeval.metrics.matching import betti_matching_error
from topoeval.metrics.overlap import dice, iou, topology_gated_dice
from topoeval.metrics.partition import (
    adapted_rand_error,
    adjusted_rand_index,
    variation_of_information,
)
from topoeval.metrics.patches import patch_betti_error
from topoeval.metrics.regions import wrong_regions
from topoeval.metrics.scores import Settings, score
from topoeval.metrics.skeletons import cldice, skeleton
from topoeval.metrics.topograph import diu

__all__ = [
    "CARDS",
    "METRICS",
    "Card",
    "MetricInfo",
    "Settings",
    "adapted_rand_error",
    "adjusted_rand_index",
    "average_surface_distance",
    "betti_error",
    "betti_matches",
    "betti_matching_error",
    "betti_numbers",
    "bottleneck_distance",
    "boundary_distances",
    "cards",
    "class_masks",
    "cldice",
    "dice",
    "diu",
    "enclosed",
    "euler_error",
    "euler_number",
    "evaluate_cases",
    "hausdorff_distance",
    "iou",
    "label",
    "mse",
    "normalised_surface_dice",
    "pairwise_unions",
    "patch_betti_error",
    "score",
    "skeleton",
    "topology_gated_dice",
    "variation_of_information",
    "wasserstein_distance",
    "wrong_regions",
]
