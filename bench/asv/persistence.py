"""Persistence by backend, size, kind of image and construction."""

from topoeval import Topology
from topoeval.persistence import BACKENDS, compute

from .images import KINDS, images

SIZES = {"32x64x64": (32, 64, 64), "4x256x256": (4, 256, 256), "2x32x32x32": (2, 32, 32, 32)}


class Compute:
    """All dimensions of a batch, with locations."""

    params = (["native", "cripser", "gudhi"], list(SIZES), list(KINDS), ["V", "T"])
    param_names = ("backend", "size", "kind", "construction")

    def setup(self, backend, size, kind, construction):
        """Make the images; skip a backend that this commit or environment does not have."""
        if backend not in BACKENDS or backend not in BACKENDS.available():
            raise NotImplementedError
        self.images = images(kind, SIZES[size])
        self.ndim = self.images.ndim - 1
        self.topology = Topology(construction)

    def time_compute(self, backend, size, kind, construction):
        """Wall time."""
        compute(self.images, self.topology, backend=backend, spatial_dims=self.ndim)

    def peakmem_compute(self, backend, size, kind, construction):
        """Peak memory of the process."""
        compute(self.images, self.topology, backend=backend, spatial_dims=self.ndim)
