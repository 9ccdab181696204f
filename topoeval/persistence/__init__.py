"""Batched, differentiable cubical persistence over interchangeable backends."""

from topoeval.persistence.backends import BACKENDS, Backend, Info
from topoeval.persistence.barcode import Barcodes
from topoeval.persistence.compute import compute
from topoeval.persistence.matching import Matching, match

__all__ = ["BACKENDS", "Backend", "Barcodes", "Info", "Matching", "compute", "match"]
