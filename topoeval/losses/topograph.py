"""Topograph of Lux et al.: the wrong regions whose correction changes the topology."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

import cc3d
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from topoeval.errors import UserError
from topoeval.losses.activation import to_probabilities
from topoeval.losses.base import Reduction, TargetLoss, as_mask, outside_graph
from topoeval.losses.info import LossInfo
from topoeval.persistence.barcode import host_array
from topoeval.topology import Topology

Aggregate = Literal["mean", "rms", "sum", "max", "min", "cross_entropy"]
Mask = NDArray[np.bool_]
Labels = NDArray[np.uint32]

_FACES = [(-1, 0), (0, -1), (0, 1), (1, 0)]
_CORNERS = [*_FACES, (-1, -1), (-1, 1), (1, -1), (1, 1)]


class TopographLoss(TargetLoss):
    r"""Lower the probability of the predicted class in every critical region.

    Prediction and target split an image into regions of four kinds: correct background, correct
    foreground, wrong foreground and wrong background. A wrong region may be corrected without a
    change of topology if it touches exactly one region of correct background and exactly one
    component of the foreground of the other mask (the target's for wrong foreground, the
    prediction's for wrong background). All others are critical, and

    .. math:: L = \sum_{r \text{ critical}} \operatorname{aggregate}_{x \in r} \, p_{\hat c(x)}(x)

    with the class :math:`\hat c` predicted at x: Lux et al., ICLR 2025. One value per image and
    class, each class against the rest.

    Parameters
    ----------
    topology
        Connectivity of foreground and background; T (8 and 4) as in the paper, or V. Beyond the
        border of the image lies background (the published code's ``sphere``), or foreground if it
        is framed.
    aggregate
        Of the probabilities in a region: ``"mean"`` (the paper's), ``"rms"``, ``"sum"``,
        ``"max"``, ``"min"``, or ``"cross_entropy"``, the mean of -log of the probability of the
        wanted class.
    sigmoid, softmax, include_background, reduction
        As for every loss on maps. The predicted class is the largest of several channels, or
        foreground from 0.5 where there is one or `sigmoid` says that classes may overlap.

    Examples
    --------
    A line with a gap costs the certainty of the gap; a line that is too thick costs nothing:

    >>> truth = torch.zeros(1, 1, 5, 7)
    >>> truth[..., 2, 1:6] = 1
    >>> found = truth.clone()
    >>> found[..., 2, 3] = 0.25
    >>> thick = truth.clone()
    >>> thick[..., 3, 1:6] = 0.9
    >>> loss = TopographLoss()
    >>> float(loss(found, truth)), float(loss(thick, truth))
    (0.75, 0.0)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="topograph",
        title="Topograph",
        departures=(
            "Under foreground 4 the corner rule follows the definition; the published "
            "one finds regions harmless that are not."
        ),
        channels="softmax",
        ndims=(2,),
        needs_target=True,
        needs_prior=False,
        multiclass="each class against the rest, predicted classes by argmax",
        cost="moderate",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="L. Lux, A. H. Berger et al., Topograph: An Efficient Graph-Based Framework for "
        "Strictly Topology Preserving Image Segmentation, ICLR 2025",
        advice="In 2D, when the prediction is good already: it sees one threshold and whole "
        "regions, and nothing between.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology("T"),  # noqa: B008  # frozen value, safe to share
        aggregate: Aggregate = "mean",
        sigmoid: bool = False,
        softmax: bool = False,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            sigmoid=sigmoid,
            softmax=softmax,
            include_background=include_background,
            reduction=reduction,
        )
        if aggregate not in get_args(Aggregate):
            raise UserError(
                f"aggregate must be one of {', '.join(get_args(Aggregate))}, got {aggregate!r}"
            )
        self.topology = Topology.parse(topology)
        self.aggregate: Aggregate = aggregate

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return what wrong foreground and wrong background cost, each ``(B, C)``."""
        p = to_probabilities(
            input, sigmoid=self.sigmoid, softmax=self.softmax, include_background=True
        )
        wanted = as_mask(self.targets(target).to(p))
        first = 0 if self.include_background else 1
        if self.sigmoid or p.shape[1] == 1:
            p = p[:, first:]
            predicted = p >= 0.5
            certainty = torch.where(predicted, p, 1 - p)
            truth = torch.where(wanted, p, 1 - p)
        else:
            classes = p.argmax(1, keepdim=True)
            predicted = classes == torch.arange(p.shape[1], device=p.device)[:, None, None]
            predicted = predicted[:, first:]
            certainty = p.gather(1, classes).expand(predicted.shape)
            truth = (p * as_mask(target)).amax(1, keepdim=True).expand(predicted.shape)
        if prepared is None:
            prepared = self._labels(wanted)
        pixel, region, image = self._critical(predicted, wanted, prepared)
        values = truth if self.aggregate == "cross_entropy" else certainty
        cost = _aggregate(self.aggregate, values.flatten()[pixel], region, len(image))
        # A region is wrong foreground or wrong background as a whole: one of its pixels is enough.
        first_pixel = torch.zeros_like(image).scatter_(0, region, pixel)
        is_foreground = predicted.flatten()[first_pixel]
        none = cost.new_zeros(predicted.shape[0] * predicted.shape[1])
        return {
            name: none.index_add(0, image[rows], cost[rows]).reshape(predicted.shape[:2])
            for name, rows in (
                ("wrong_foreground", is_foreground),
                ("wrong_background", ~is_foreground),
            )
        }

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the components of the targets' foregrounds, int32 ``(B, C, H, W)``, on the CPU."""
        return self._labels(as_mask(target if self.include_background else target[:, 1:]))

    @outside_graph
    def _critical(
        self, predicted: torch.Tensor, wanted: torch.Tensor, labels: torch.Tensor
    ) -> list[torch.Tensor]:
        """Return pixel and region of what is critical, and the image of each region."""
        p, g, g_labels = (host_array(x.flatten(0, 1)) for x in (predicted, wanted, labels))
        columns = _critical_pixels(p, g, g_labels, self.topology)
        return [torch.from_numpy(column).to(predicted.device) for column in columns]

    @outside_graph
    def _labels(self, wanted: torch.Tensor) -> torch.Tensor:
        spatial = wanted.shape[2:]
        mask = _entered(host_array(wanted).reshape(-1, *spatial), self.topology)
        labels = _label(mask, self.topology.foreground_connectivity(2)).astype(np.int32)
        return torch.from_numpy(labels).reshape(*wanted.shape[:2], *labels.shape[1:])


def _aggregate(
    how: Aggregate, values: torch.Tensor, region: torch.Tensor, n_regions: int
) -> torch.Tensor:
    """Return one value per region of the values of its pixels."""
    none = values.new_zeros(n_regions)
    if how in ("max", "min"):
        return none.scatter_reduce(0, region, values, "a" + how, include_self=False)
    if how == "rms":
        values = values.square()
    elif how == "cross_entropy":
        values = -values.clamp(min=torch.finfo(values.dtype).eps).log()
    total = none.index_add(0, region, values)
    if how == "sum":
        return total
    mean = total / torch.bincount(region, minlength=n_regions)
    return mean.sqrt() if how == "rms" else mean


def _critical_pixels(
    p: Mask, g: Mask, g_labels: NDArray[np.int32], topology: Topology
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the critical regions of ``(N, H, W)`` masks.

    Those are, for each of their pixels, the flat index and the number of the region; and for each
    region its image.
    """
    shape = p.shape
    p, g = _entered(p, topology), _entered(g, topology)
    foreground, background = (
        topology.foreground_connectivity(2),
        topology.background_connectivity(2),
    )
    wrong = p != g
    region = _wrong_regions(p, g, foreground)
    p_labels = _label(p, foreground)
    empty_labels = _label(~(p | g), background)

    place = np.nonzero(wrong)
    number = region[place]
    n_regions = int(number.max(initial=0)) + 1
    one_component = _touches_one(
        (g_labels, p_labels), p[place], place, number, n_regions, foreground
    )
    one_background = _touches_one(
        (empty_labels, empty_labels), p[place], place, number, n_regions, background
    )
    critical = ~(one_component & one_background)
    critical[0] = False

    keep = critical[number]
    image, row, column = (axis[keep] for axis in place)
    compact = np.cumsum(critical) - 1
    region_of_pixel = compact[number[keep]]
    image_of_region = np.zeros(int(critical.sum()), np.int64)
    image_of_region[region_of_pixel] = image
    pixel = np.ravel_multi_index((image, row - 1, column - 1), shape)
    return pixel, region_of_pixel, image_of_region


def _wrong_regions(p: Mask, g: Mask, foreground: int) -> Labels:
    """Return the wrong regions: pixels of one kind that share an edge, or certain corners.

    With foreground 8, if the two other pixels there are correct background, as in the paper. With
    foreground 4, if the mask in which the region is background has foreground in both, so that
    the background is connected across the corner; the published rule (correct foreground in both)
    finds regions harmless that are not.
    """
    kind = p.astype(np.uint8) + 2 * g
    kind[p & g] = 0
    region = _label(kind, 4)
    pairs = []
    for of_kind, other in ((1, g), (2, p)):
        between = other if foreground == 4 else ~(p | g)
        for a, b, c, d in (
            ((0, 0), (0, 1), (1, 0), (1, 1)),
            ((0, 1), (0, 0), (1, 1), (1, 0)),
        ):
            met = (_corner(kind, a) == of_kind) & (_corner(kind, d) == of_kind)
            met &= _corner(between, b) & _corner(between, c)
            pairs.append(np.stack([_corner(region, a)[met], _corner(region, d)[met]]))
    joined = np.concatenate(pairs, axis=1)
    if joined.size == 0:
        return region
    size = int(region.max()) + 1
    graph = coo_array((np.ones(joined.shape[1], np.int8), (joined[0], joined[1])), (size, size))
    _, whole = connected_components(graph, directed=False)
    return np.asarray(whole.astype(np.uint32)[region])  # node 0, what is not wrong, stays 0


def _touches_one(
    labels: tuple[NDArray[Any], NDArray[Any]],
    is_foreground: Mask,
    place: tuple[NDArray[np.intp], ...],
    number: NDArray[Any],
    n_regions: int,
    connectivity: int,
) -> Mask:
    """Return for each region whether its neighbours have exactly one label other than 0.

    Wrong foreground looks at the first `labels`, wrong background at the second.
    """
    image, row, column = place
    padded = [np.pad(x.astype(np.int64), ((0, 0), (1, 1), (1, 1))) for x in labels]
    least = np.full(len(number), np.iinfo(np.int64).max)
    most = np.zeros(len(number), np.int64)
    for down, right in _FACES if connectivity == 4 else _CORNERS:
        at = (image, row + 1 + down, column + 1 + right)
        seen = np.where(is_foreground, padded[0][at], padded[1][at])
        np.minimum(least, np.where(seen > 0, seen, least), out=least)
        np.maximum(most, seen, out=most)
    lowest = np.full(n_regions, np.iinfo(np.int64).max)
    highest = np.zeros(n_regions, np.int64)
    np.minimum.at(lowest, number, least)
    np.maximum.at(highest, number, most)
    return np.asarray(lowest == highest)


def _entered(mask: Mask, topology: Topology) -> Mask:
    """Return the foreground as the topology reads it, and a layer of what is beyond the border."""
    mask = mask if topology.superlevel else ~mask
    return np.pad(mask, ((0, 0), (1, 1), (1, 1)), constant_values=topology.framed)


def _corner(images: NDArray[Any], at: tuple[int, int]) -> NDArray[Any]:
    """Return one pixel of each 2x2 window."""
    down, right = at
    height, width = images.shape[1:]
    return images[:, down : height - 1 + down, right : width - 1 + right]


def _label(values: NDArray[Any], connectivity: int) -> Labels:
    """Return the components of equal values other than 0 of ``(N, H, W)`` images, numbered on.

    All images in one call: as layers of a volume whose values differ from one layer to the next.
    """
    layer = (np.arange(len(values), dtype=np.uint8) % 2)[:, None, None]
    coded = values.astype(np.uint8)
    coded = np.where(coded > 0, coded + 2 * layer, 0).astype(np.uint8)
    labels = cc3d.connected_components(coded, connectivity=6 if connectivity == 4 else 26)
    return labels.astype(np.uint32, copy=False)
