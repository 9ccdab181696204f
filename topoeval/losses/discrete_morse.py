"""The DMT loss of Hu et al.: cross-entropy on the ridges of the likelihood."""

from __future__ import annotations

import functools
import itertools
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss, outside_graph
from topoeval.losses.info import LossInfo
from topoeval.losses.plain import cross_entropy_map
from topoeval.persistence import compute
from topoeval.topology import Topology


class DiscreteMorseLoss(TargetLoss):
    r"""Cross-entropy on the arcs that join the maxima of the likelihood through its saddles.

    .. math:: L = \frac{1}{|\Omega|} \sum_{x \in M} \operatorname{CE}(f(x), y(x))

    where M is the dilated union of the ascending paths from saddles of f to maxima, Hu et al.,
    ICLR 2021; the paper's loss is cross-entropy plus a multiple of this. Saddles and maxima that
    cancel with a persistence of `epsilon` or less are pruned, as by discrete Morse theory: a path
    that ends in a pruned maximum goes on over the saddle it cancels with. Saddles are those where
    components merge and those where loops close; maxima that remain belong to M too, so that a
    component without a saddle is seen. Without the dilation M is connected. It has no gradient.

    These are the 1-stable manifolds, curves in 2D and in 3D; the paper's 2-stable patches (walls in
    3D) are not included.

    Parameters
    ----------
    epsilon
        Persistence, in units of probability. The default is ours.
    dilation
        Voxels by which arcs are widened, in the maximum norm.
    topology
        How the likelihood is read: neighbours of a path are 4 or 8, 6 or 26. Arcs end in
        the image, whatever the border.
    include_background
        Whether the ridges of channel 0 count. With one channel it must be True.
    reduction
        Over images and classes.
    backend
        Persistence backend.

    Examples
    --------
    Two bright ends and a faint middle: the arc runs through the saddle, and nothing else counts.

    >>> logits = torch.full((1, 1, 3, 9), -6.0)
    >>> logits[0, 0, 1] = torch.tensor([-6.0, 3, 2, 0, -1, 0, 2, 3, -6])
    >>> arcs = DiscreteMorseLoss(dilation=0).arcs(logits.sigmoid())
    >>> arcs[0, 0].int()
    tensor([[0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0]], dtype=torch.int32)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="discrete_morse",
        title="Discrete Morse (DMT)",
        departures=(
            "Arcs are found anew at each call, not once an epoch, and the 2-stable "
            "walls of 3D are left out."
        ),
        channels="softmax",
        voxel_means=("arcs",),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="ridges of each class; cross-entropy over the channels",
        cost="moderate",
        input="logits",
        takes_topology=True,
        takes_backend=True,
        device="2D",
        citation="X. Hu et al., Topology-Aware Segmentation Using Discrete Morse Theory, ICLR 2021",
        advice="For thin structures with faint gaps; only voxels on ridges count, so add it to "
        "cross-entropy.",
    )

    def __init__(
        self,
        *,
        epsilon: float = 0.1,
        dilation: int = 1,
        topology: Topology = Topology("V"),  # noqa: B008  # frozen value, safe to share
        include_background: bool = True,
        reduction: Reduction = "mean",
        backend: str = "auto",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        if not 0 <= epsilon < 1:
            raise UserError(f"epsilon is a difference of probabilities in [0, 1), got {epsilon}")
        if dilation < 0:
            raise UserError(f"dilation is a number of voxels, got {dilation}")
        self.epsilon = float(epsilon)
        self.dilation = int(dilation)
        self.topology = Topology.parse(topology)
        self.backend = backend

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the cross-entropy on the arcs of each class, over all voxels, ``(B, C)``."""
        logits, target = self.logits(input, target)
        one = logits.shape[1] == 1
        with torch.no_grad():
            likelihood = logits.sigmoid() if one else logits.softmax(1)
            if not self.include_background:
                if one:
                    raise UserError(
                        "include_background=False leaves nothing of a one-channel input"
                    )
                likelihood = likelihood[:, 1:]
            mask = self.arcs(likelihood)
        cost = cross_entropy_map(logits, target)[:, None]
        return {"arcs": torch.where(mask, cost, 0).flatten(2).mean(2)}

    @outside_graph
    def arcs(self, likelihood: torch.Tensor) -> torch.Tensor:
        """Return the mask M of ``(B, C, *spatial)`` probabilities, boolean, of the same shape."""
        spatial = likelihood.shape[2:]
        ndim = len(spatial)
        images = likelihood.detach().float().flatten(0, 1)
        foreground = images if self.topology.superlevel else -images
        steps = _neighbours(ndim, self.topology.foreground_connectivity(ndim))
        ascent = _steepest_ascent(foreground, steps)
        starts = self._starts(images, foreground, ascent, steps)
        mask = _reached(ascent, starts).reshape(likelihood.shape)
        if self.dilation:
            pool = F.max_pool2d if ndim == 2 else F.max_pool3d
            width = 2 * self.dilation + 1
            mask = pool(mask.float(), width, stride=1, padding=self.dilation) > 0
        return mask

    def _starts(
        self,
        images: torch.Tensor,
        foreground: torch.Tensor,
        ascent: torch.Tensor,
        steps: list[tuple[int, ...]],
    ) -> torch.Tensor:
        """Return the flat voxels from which arcs ascend: saddles, their upper sides, and maxima."""
        spatial = images.shape[1:]
        size = spatial.numel()
        plain = Topology(self.topology.construction, self.topology.direction)
        order = _order(images, superlevel=self.topology.superlevel)
        bars = compute(order, plain, (0, 1), self.backend, spatial_dims=len(spatial))
        birth = bars.image * size + bars.birth_index
        death = bars.image * size + bars.death_index
        component = bars.dim == 0
        finite = component & ~bars.essential
        values = images.flatten()
        long = (values[birth] - values[death]).abs() > self.epsilon
        saddles = torch.cat([death[finite & long], birth[~component & long]])
        kept = birth[component & (long | bars.essential)]

        # The maxima that are pruned, and the saddles they cancel with.
        pruned = torch.full((foreground.numel(),), -1, device=foreground.device)
        pruned[birth[finite & ~long]] = death[finite & ~long]
        summit = _summits(ascent)
        starts = [kept]
        seen = torch.zeros(foreground.numel(), dtype=torch.bool, device=foreground.device)
        while len(saddles):
            saddles = saddles.unique()  # type: ignore[no-untyped-call]
            seen[saddles] = True
            sides = _upper_sides(foreground, saddles, steps)
            starts += [saddles, sides]
            saddles = pruned[summit[sides]]
            saddles = saddles[(saddles >= 0) & ~seen[saddles]]
        return torch.cat(starts)


@functools.cache
def _neighbours(ndim: int, connectivity: int) -> list[tuple[int, ...]]:
    """Return the steps to the neighbours of a voxel, in C order."""
    faces = {4: 1, 8: 2, 6: 1, 26: 3}[connectivity]
    around = itertools.product((-1, 0, 1), repeat=ndim)
    return [step for step in around if 0 < sum(map(abs, step)) <= faces]


def _order(images: torch.Tensor, *, superlevel: bool) -> torch.Tensor:
    """Return int64 keys in the order of the values of ``(N, *spatial)``, equal ones in C order.

    So maxima within a plateau have bars too, and every path out of one is known. The bits of a
    float32 that is not negative are ordered as its value.
    """
    index = torch.arange(images[0].numel(), device=images.device).reshape(images.shape[1:])
    bits = images.contiguous().view(torch.int32).long() << 31
    return bits - index if superlevel else bits + index


def _steepest_ascent(images: torch.Tensor, steps: list[tuple[int, ...]]) -> torch.Tensor:
    """Return for each voxel of ``(N, *spatial)``, flat, the highest of itself and its neighbours.

    Among equal values the first in C order is the highest, as in the engine: so a plateau
    leads to its first voxel and there are no cycles.
    """
    spatial = images.shape[1:]
    ndim = len(spatial)
    padded = F.pad(images, (1, 1) * ndim, value=-torch.inf)
    own = torch.arange(images.numel(), device=images.device).reshape(images.shape)
    strides = [int(np.prod(spatial[axis + 1 :])) for axis in range(ndim)]
    best = torch.full_like(images, -torch.inf)
    highest = own.clone()
    for step in sorted([*steps, (0,) * ndim]):
        window = [slice(1 + s, 1 + s + n) for s, n in zip(step, spatial, strict=True)]
        value = padded[(slice(None), *window)]
        higher = value > best
        best = torch.where(higher, value, best)
        offset = sum(s * stride for s, stride in zip(step, strides, strict=True))
        highest = torch.where(higher, own + offset, highest)
    return highest.flatten()


def _summits(ascent: torch.Tensor) -> torch.Tensor:
    """Return the maximum that each voxel ascends to, by pointer doubling."""
    while not torch.equal(ahead := ascent[ascent], ascent):
        ascent = ahead
    return ascent


def _reached(ascent: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return which voxels lie on the ascending paths of `starts`, flat, by pointer doubling."""
    reached = torch.zeros(len(ascent), dtype=torch.bool, device=ascent.device)
    reached[starts] = True
    while True:
        reached[ascent[reached]] = True
        if torch.equal(ahead := ascent[ascent], ascent):
            return reached
        ascent = ahead


def _upper_sides(
    images: torch.Tensor, voxels: torch.Tensor, steps: list[tuple[int, ...]]
) -> torch.Tensor:
    """Return the highest neighbour in each component of the higher neighbours of `voxels`.

    Two higher neighbours are on one side if higher voxels round the voxel join them.
    """
    spatial = images.shape[1:]
    ndim = len(spatial)
    faces = max(sum(map(abs, step)) for step in steps)
    block, joined = _block(ndim, faces)
    block, joined = block.to(images.device), joined.to(images.device)
    shape = torch.tensor(spatial, device=images.device)
    size = int(np.prod(spatial))
    image, rest = voxels // size, voxels % size
    axes = []
    for n in reversed(spatial):
        axes.append(rest % n)
        rest = rest // n
    place = torch.stack(axes[::-1], 1)[:, None] + block  # (n, K, ndim)
    inside = ((place >= 0) & (place < shape)).all(2)
    strides = torch.tensor(
        [int(np.prod(spatial[axis + 1 :])) for axis in range(ndim)], device=images.device
    )
    index = image[:, None] * size + (place * strides).sum(2)
    flat = images.flatten()
    value = flat[index.where(inside, 0)]
    own = flat[voxels][:, None]
    higher = inside & ((value > own) | ((value == own) & (index < voxels[:, None])))

    near = block.abs().sum(1) <= faces
    candidate = torch.where(higher & near, value, -torch.inf)
    tops: list[torch.Tensor] = []
    while True:  # take the highest neighbour, then remove its side
        left = (candidate > -torch.inf).any(1)
        if not left.any():
            return torch.cat(tops) if tops else voxels
        higher, candidate, index = higher[left], candidate[left], index[left]
        top = candidate.argmax(1, keepdim=True)  # of equal values the first
        tops.append(index.gather(1, top)[:, 0])
        side = torch.zeros_like(higher).scatter_(1, top, value=True)
        while not torch.equal(grown := side | ((side.float() @ joined > 0) & higher), side):
            side = grown
        candidate = candidate.masked_fill(side, -torch.inf)


@functools.cache
def _block(ndim: int, faces: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the steps to the voxels that can join neighbours, and which of those touch (0 or 1).

    In the V-construction a square joins two neighbours, so a step changes two axes at most.
    """
    around = itertools.product((-1, 0, 1), repeat=ndim)
    steps = np.array([s for s in around if 0 < sum(map(abs, s)) <= max(2, faces)])
    apart = np.abs(steps[:, None] - steps[None])
    joined = (apart.max(2) == 1) & (apart.sum(2) <= faces)
    return torch.from_numpy(steps), torch.from_numpy(joined).float()
