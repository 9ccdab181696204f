"""Batched, differentiable cubical persistence over interchangeable backends."""

from topoeval.persistence.backends import BACKENDS, Backend, Info
from topoeval.persistence.barcode import Barcodes
from topoeval.persistence.compute import compute

__all__ = ["BACKENDS", "Backend", "Barcodes", "Info", "compute"]
