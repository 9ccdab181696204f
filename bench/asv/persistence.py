"""Persistence by backend, size, kind of image, construction and device."""

from .common import DEVICES, Timed, part, skip_without, tensor
from .images import KINDS, images

BACKENDS = ("native", "cripser", "gudhi")
SIZES = {"32x64x64": (32, 64, 64), "4x256x256": (4, 256, 256), "2x32x32x32": (2, 32, 32, 32)}


class Bars(Timed):
    """Bars of all dimensions with their locations, for a batch.

    NumPy arrays on the CPU, so that no time goes into importing torch; tensors on a GPU.
    """

    param_names = ("backend", "size", "kind", "construction", "device")

    def setup(self, backend, size, kind, construction, device):
        """Make the images; skip a backend that this commit or environment does not have."""
        skip_without(device)
        compute = part("persistence", "compute")
        known = part("persistence", "BACKENDS")
        if backend not in known or backend not in known.available():
            raise NotImplementedError
        batch = images(kind, SIZES[size])
        if device != "cpu":
            batch = tensor(batch, device)
        topology = part("topology", "Topology")(construction)
        ndim = batch.ndim - 1
        self.run = lambda: compute(batch, topology, backend=backend, spatial_dims=ndim)


class Compute(Bars):
    """How long it takes."""

    params = (list(BACKENDS), list(SIZES), list(KINDS), ["V", "T"], list(DEVICES))

    def time_compute(self, *_):
        """CPU time."""
        self.run()


class Answer(Bars):
    """What it takes in memory, and what comes out."""

    params = (list(BACKENDS), list(SIZES), ["probability"], ["V", "T"], ["cpu"])

    def peakmem_compute(self, *_):
        """Peak memory of the process."""
        self.run()

    def track_bars(self, *_):
        """Count the bars: speed must not be bought with another answer."""
        return len(self.run())

    track_bars.unit = "bars"
