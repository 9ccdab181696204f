"""Metrics on the masks of a batch."""

from .common import Timed, part
from .images import images

SHAPES = {"16x256x256": (16, 256, 256), "2x64x64x64": (2, 64, 64, 64)}
WITHOUT_TOPOLOGY = ("dice", "mse")


class Score(Timed):
    """One metric of a batch of predictions against a batch of targets."""

    params = (["dice", "mse", "betti_error"], list(SHAPES), ["V", "T"])
    param_names = ("metric", "shape", "construction")

    def setup(self, metric, shape, construction):
        """Make the batch; a metric without topology is measured under one construction only."""
        score = part("metrics", metric)
        prediction, target = (images("probability", SHAPES[shape], seed) for seed in (0, 1))
        ndim = prediction.ndim - 1
        if metric in WITHOUT_TOPOLOGY and construction == "T":
            raise NotImplementedError
        if metric != "mse":
            prediction, target = prediction > 0.5, target > 0.5
        topology = (
            () if metric in WITHOUT_TOPOLOGY else (part("topology", "Topology")(construction),)
        )
        self.run = lambda: score(prediction, target, *topology, spatial_dims=ndim)

    def time_score(self, *_):
        """CPU time."""
        self.run()
