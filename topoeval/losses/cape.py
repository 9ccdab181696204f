"""CAPE: the cheapest way along each branch of the target must be cheap in the prediction."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from skimage.graph import pixel_graph

from topoeval.digital import thin
from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss, as_mask, outside_graph
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology

Voxels = NDArray[np.int64]
Paths = tuple[Voxels, Voxels]  # flat voxels, path after path, and how many each path has


class CapeLoss(TargetLoss):
    r"""Sum the squared distances along the cheapest way that follows a branch of the target.

    The target's skeleton is cut into paths. For each path P, from one end to the other and inside a
    corridor around it, the cheapest way W through the predicted distance map d is sought, and

    .. math:: L = \frac{1}{|\mathcal{P}|} \sum_{P} \sum_{q \in W(P)} d_q^2

    (Esmaeilzadeh et al., MICCAI 2025). A gap in a branch has to be crossed at full price. The ends
    may move to the cheapest voxel nearby, so a shifted branch costs little. A map of distances is
    the output of the paper's network; here :math:`d = clip \, (1 - p)`. The paper draws pairs of
    nodes at random; here the paths cover the skeleton, the longest first, so the value is
    deterministic. False foreground outside the corridors costs nothing.

    Parameters
    ----------
    clip
        Distance of a voxel with probability 0.
    corridor
        Voxels on either side of a path within which a way is sought.
    snap
        Voxels by which an end may move.
    topology
        Of the skeleton.
    activation
        ``sigmoid``, ``softmax``, ``include_background``, ``reduction`` as in `MapLoss`.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cape",
        title="CAPE",
        departures=(
            "The paper draws pairs of nodes at random; here paths cover the skeleton, "
            "the longest first. Equal distances are thinned in the order of the "
            "voxels, so a mirrored image has a slightly different skeleton and "
            "gradient."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="expensive",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="E. Esmaeilzadeh et al., CAPE: Connectivity-Aware Path Enforcement Loss for "
        "Curvilinear Structure Delineation, MICCAI 2025, arXiv 2504.00753",
        advice="Curved lines that must not be broken, traced as graphs: roads, neurites. It asks "
        "nothing of what lies beside them, and takes time on large networks.",
    )

    def __init__(
        self,
        *,
        clip: float = 20.0,
        corridor: int = 5,
        snap: int = 5,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if clip <= 0 or corridor < 1 or not 0 <= snap <= corridor:
            raise UserError(
                "CAPE needs clip > 0, corridor >= 1 and 0 <= snap <= corridor, "
                f"got {clip}, {corridor}, {snap}"
            )
        self.clip = clip
        self.corridor = corridor
        self.snap = snap
        self.topology = Topology.parse(topology)

    def per_class(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        prepared: list[list[Paths]] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the mean cost of a path, ``(B, C)``; 0 for an empty target."""
        probabilities, _ = self.maps(input, target)
        distance = self.clip * (1 - probabilities)
        batch, classes = distance.shape[:2]
        paths = self.prepare(target) if prepared is None else prepared
        images, voxels, share = self._ways(distance.detach(), paths)
        flat = distance.reshape(batch * classes, -1)
        cost = flat.new_zeros(batch * classes)
        cost = cost.index_add(0, images, flat[images, voxels].square() * share)
        return {"cape": cost.reshape(batch, classes)}

    @outside_graph
    def prepare(self, target: torch.Tensor) -> list[list[Paths]]:
        """Return the paths of each sample and class."""
        from topoeval import _native

        masks = as_mask(target if self.include_background else target[:, 1:])
        threads = torch.get_num_threads()
        skeletons = thin(masks.flatten(0, 1).cpu().numpy(), self.topology, threads=threads)
        found = _native.skeleton_paths(skeletons, threads)
        paths = [
            _flat(skeleton) if its is None else its
            for its, skeleton in zip(found, skeletons, strict=True)
        ]
        classes = masks.shape[1]
        return [paths[i : i + classes] for i in range(0, len(paths), classes)]

    def select(self, prepared: Sequence[list[Paths]], samples: torch.Tensor) -> list[list[Paths]]:
        """Return the paths of the samples at the indices `samples`."""
        return [prepared[i] for i in samples.tolist()]

    @outside_graph
    def _ways(
        self, distance: torch.Tensor, paths: list[list[Paths]]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return image, voxel, and share in the image's mean, of every voxel of every way."""
        from topoeval import _native

        prices = np.ascontiguousarray(distance.square().flatten(0, 1).cpu().numpy())
        voxels, lengths = zip(*itertools.chain.from_iterable(paths), strict=True)
        counts = np.array([len(its) for its in lengths])
        images = np.repeat(np.arange(len(counts)), counts)
        ways, sizes = _native.cheapest_ways(
            prices,
            np.concatenate(voxels),
            np.concatenate(lengths),
            images,
            self.corridor,
            self.snap,
            torch.get_num_threads(),
        )
        share = np.repeat(1 / counts[images], sizes)
        columns = np.repeat(images, sizes), ways, share
        image, voxel, part = (torch.from_numpy(column).to(distance.device) for column in columns)
        return image, voxel, part.to(distance)


def _flat(skeleton: NDArray[np.bool_]) -> Paths:
    """Return the paths of `skeleton_paths` as the engine would."""
    paths = list(skeleton_paths(skeleton))
    voxels = np.ravel_multi_index(tuple(np.concatenate(paths).T), skeleton.shape)
    return voxels.astype(np.int64), np.array([len(path) for path in paths], np.int64)


def skeleton_paths(skeleton: NDArray[np.bool_]) -> Iterator[Voxels]:
    """Cut a skeleton into shortest paths ``(n, ndim)`` that together cover it, longest first.

    Each is a shortest path between the two ends of what is left of a component, as far apart as
    two sweeps find them; a loop comes in halves. What only repeats voxels of earlier paths (the
    third side of a triangle of neighbours) is left out.

    The engine cuts alike, except that it gives up where two ways of one length lead to a voxel of a
    path: which is taken then is what SciPy happens to do.
    """
    if not skeleton.any():
        return
    graph, nodes = pixel_graph(skeleton, connectivity=skeleton.ndim)
    coordinates = np.stack(np.unravel_index(nodes, skeleton.shape), axis=1)
    covered = np.zeros(len(nodes), bool)
    left = np.diff(graph.indptr)  # edges of each node that no path has used

    def lengths_from(start: int, **options: Any) -> Any:
        return dijkstra(graph, indices=start, limit=np.finfo(float).max, **options)

    edges = np.repeat(np.arange(len(nodes)), left) * len(nodes) + graph.indices
    in_order = np.argsort(edges)

    def use(a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
        at = in_order[np.searchsorted(edges, a * len(nodes) + b, sorter=in_order)]
        graph.data[at] = np.inf  # beyond the limit: no edge any more
        left[a] -= 1  # no node stands twice in a

    for seed in range(len(nodes)):
        while not covered[seed] or left[seed]:
            first = _farthest(lengths_from(seed))
            lengths, before = lengths_from(first, return_predecessors=True)
            path = [_farthest(lengths)]
            while path[-1] != first:
                path.append(before[path[-1]])
            steps = np.array(path, np.int64)
            use(steps[:-1], steps[1:])
            use(steps[1:], steps[:-1])
            if not covered[path].all():
                yield coordinates[path]
            covered[path] = True


def _farthest(lengths: NDArray[np.floating]) -> int:
    return int(np.argmax(np.where(np.isfinite(lengths), lengths, -1)))
