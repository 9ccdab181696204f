"""Metrics: pure functions of arrays, and what each of them means.

All functions take numpy arrays or torch tensors of shape ``(..., *spatial)``, reduce the last
``spatial_dims`` axes and keep the leading ones, so one call scores a case, a batch or a stack of
classes. Nothing here imports torch.
"""

from topoeval.metrics.betti import betti_error, betti_matches, betti_numbers, euler_number
from topoeval.metrics.cases import evaluate_cases
from topoeval.metrics.info import METRICS, MetricInfo
from topoeval.metrics.intensity import mse
from topoeval.metrics.overlap import dice

__all__ = [
    "METRICS",
    "MetricInfo",
    "betti_error",
    "betti_matches",
    "betti_numbers",
    "dice",
    "euler_number",
    "evaluate_cases",
    "mse",
]
