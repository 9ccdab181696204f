"""Repair: masks and probability maps made to have the right topology, without training.

`repair` takes one image, `repair_batch` many of one shape, `repair_labels` and `repair_classes`
several classes that exclude each other. Each returns the repaired mask with the list of edits.
"""

from topoeval.repair.classes import Classes, repair_classes, repair_labels
from topoeval.repair.edits import KINDS, Edit, Options, Repaired
from topoeval.repair.images import repair, repair_batch

__all__ = [
    "KINDS",
    "Classes",
    "Edit",
    "Options",
    "Repaired",
    "repair",
    "repair_batch",
    "repair_classes",
    "repair_labels",
]
