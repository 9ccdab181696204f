"""Training with a topological prior: supervised, semi-supervised, and per test image."""

from topoeval.errors import naming_extra

with naming_extra("topoeval.training"):
    from topoeval.training.device import resolve_device
    from topoeval.training.fit import DivergedError, History, Schedule, fit
    from topoeval.training.objective import Term, build_term
    from topoeval.training.post_process import Adaptation, post_process
    from topoeval.training.prediction import Window, predict
    from topoeval.training.remedies import apply_remedy
    from topoeval.training.teacher import Teaching
    from topoeval.training.tensors import TensorSet
    from topoeval.training.views import Views

__all__ = [
    "Adaptation",
    "DivergedError",
    "History",
    "Schedule",
    "Teaching",
    "TensorSet",
    "Term",
    "Views",
    "Window",
    "apply_remedy",
    "build_term",
    "fit",
    "post_process",
    "predict",
    "resolve_device",
]
