"""BiCon: which neighbours of a voxel are foreground with it, and agree that they are."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from typing import Any, ClassVar, Literal

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.activation import to_probabilities
from topoeval.losses.base import TargetLoss
from topoeval.losses.info import LossInfo


class BiconLoss(TargetLoss):
    r"""Cross-entropy of the connections of each voxel with its neighbours, and of their votes.

    A connectivity map says for each voxel x and each of its K neighbours (8 in 2D, 26 in 3D) how
    likely both are foreground: :math:`C_i(x)`, for the neighbour at :math:`x + o_i`. A mask G has
    the connections :math:`T_i(x) = G(x) \, G(x + o_i)`, none with what lies outside. Both ends vote
    on a connection: :math:`B_i(x) = C_i(x) \, C_{\bar\imath}(x + o_i)`, where :math:`\bar\imath` is
    the opposite of i. With means over voxels and neighbours, and H the cross-entropy,

    .. math:: L = H(S, G) + 0.8 \, H(C, T) + 0.2 \, H(B, T)
              + H \left( [0 < \textstyle\sum_i T_i < K] \min_i B_i, \; 0 \right)

    (Yang et al., Pattern Recognition 2022). The last term lets no voxel at an edge of the mask be
    connected on all sides. S is the prediction itself.

    Parameters
    ----------
    reading
        ``"voxels"``: the input is a map like any other, ``(B, C, *spatial)``, and its connections
        are those of a mask, :math:`C_i(x) = p(x) \, p(x + o_i)`; S is p. ``"connectivity"``, as in
        the paper: the input has K channels for each class, ``(B, K C, *spatial)``, those of the
        first class before those of the second, neighbours in the order of their offsets (-1, -1),
        (-1, 0), ..., (1, 1); the target stays ``(B, C, *spatial)``, and S is `bilateral_voting`.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI; no
        ``softmax`` for connectivity maps, whose channels overlap.

    Raises
    ------
    UserError
        For another reading, a softmax of connectivity maps, or, in a call, a number of channels
        that is not K for each class.

    Examples
    --------
    The paper's network is any network whose last layer has K channels for each class:

    >>> network = torch.nn.Conv2d(1, 8, 3, padding=1)
    >>> images, masks = torch.rand(2, 1, 9, 9), torch.ones(2, 1, 9, 9)
    >>> loss = BiconLoss(reading="connectivity", sigmoid=True)
    >>> loss(network(images), masks).backward()
    >>> bilateral_voting(network(images).sigmoid()).shape  # probabilities of foreground
    torch.Size([2, 1, 9, 9])
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="bicon",
        title="BiCon",
        departures=(
            'The paper\'s network returns the connections (`reading = "connectivity"`); by '
            "default they are here products of the probabilities of neighbours, so that any "
            "network will do, and the first term is the cross-entropy of the map itself. The loss "
            "of the authors' general code is taken, without the Dice term that it adds for "
            "medical images; the paper's results come from other files of theirs. 26 neighbours in "
            "3D are ours."
        ),
        voxel_means=("voxels", "connections", "votes", "edges"),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        fullgraph=True,
        minimum=0.0,
        strict=True,
        citation="Z. Yang, S. Soltanian-Zadeh and S. Farsiu, BiconNet: An Edge-preserved "
        "Connectivity-based Approach for Salient Object Detection, Pattern Recognition 121, 2022, "
        "arXiv 2103.00334",
        advice="Sharp edges and coherent objects, in place of cross-entropy. Knows pairs of "
        "neighbours, and nothing of components and loops.",
    )

    def __init__(
        self,
        *,
        reading: Literal["voxels", "connectivity"] = "voxels",
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if reading not in ("voxels", "connectivity"):
            raise UserError(f"reading must be 'voxels' or 'connectivity', got {reading!r}")
        if reading == "connectivity" and self.softmax:
            raise UserError(
                "the channels of a connectivity map overlap; use sigmoid=True in place of softmax"
            )
        self.reading: Literal["voxels", "connectivity"] = reading

    def checked(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the target; a connectivity map has a channel for each class and neighbour."""
        if self.reading == "voxels":
            return super().checked(input, target)
        neighbours = len(_offsets(input.ndim - 2))
        if target.ndim != input.ndim or input.shape[1] != neighbours * target.shape[1]:
            raise UserError(
                f"a connectivity map has {neighbours} channels for each channel of the target, got "
                f"{tuple(input.shape)} and a target of shape {tuple(target.shape)}"
            )
        return super().checked(input[:, ::neighbours], target)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the four weighted terms, ``(B, C)`` each."""
        if self.reading == "voxels":
            found, masks = self.maps(input, target)
            connected = connections(found)
            votes = connected.square()  # both ends say the same
        else:
            every = to_probabilities(
                input, sigmoid=self.sigmoid, softmax=False, include_background=True
            )
            connected = _by_class(every, target.shape[1])
            connected = connected if self.include_background else connected[:, 1:]
            masks = self.targets(target).to(connected)
            votes = _votes(connected)
            found = votes.amax(2)
        wanted = connections(masks)
        number = wanted.sum(2)
        edge = (number > 0) & (number < wanted.shape[2])
        least = votes.amin(2).where(edge, 0.0)
        if self.reading == "voxels":
            # a connection is the same from either end, so half of them have the mean of all
            half = wanted.shape[2] // 2
            connected, votes, wanted = (x[:, :, :half] for x in (connected, votes, wanted))
        return {
            "voxels": _entropy(found, masks),
            "connections": 0.8 * _entropy(connected, wanted),
            "votes": 0.2 * _entropy(votes, wanted),
            "edges": _entropy(least, torch.zeros_like(least)),
        }


def bilateral_voting(maps: torch.Tensor) -> torch.Tensor:
    """Return the probability that a voxel is connected with the neighbour that it most agrees with.

    Parameters
    ----------
    maps
        Connectivity maps in [0, 1], ``(B, K C, *spatial)``, with K = 8 in 2D and 26 in 3D.

    Returns
    -------
    Probabilities of the classes, ``(B, C, *spatial)``.

    Raises
    ------
    UserError
        For a number of channels that K does not divide, or another rank.
    """
    neighbours = len(_offsets(maps.ndim - 2)) if maps.ndim in (4, 5) else 0
    if not neighbours or not maps.shape[1] or maps.shape[1] % neighbours:
        raise UserError(
            "connectivity maps are (B, 8 C, H, W) or (B, 26 C, D, H, W), got shape "
            f"{tuple(maps.shape)}"
        )
    return _votes(_by_class(maps, maps.shape[1] // neighbours)).amax(2)


def connections(maps: torch.Tensor) -> torch.Tensor:
    """Return the products of each voxel with its neighbours, ``(B, C, K, *spatial)``.

    Beyond the border is 0. Of a mask they are its connectivity mask.
    """
    ndim = maps.ndim - 2
    return torch.stack([maps * _neighbour(maps, offset) for offset in _offsets(ndim)], 2)


def _by_class(maps: torch.Tensor, classes: int) -> torch.Tensor:
    """Return ``(B, C, K, *spatial)`` of ``(B, K C, *spatial)`` maps."""
    return maps.reshape(len(maps), classes, maps.shape[1] // classes, *maps.shape[2:])


def _votes(connected: torch.Tensor) -> torch.Tensor:
    """Return what both ends of each connection say, ``(B, C, K, *spatial)``."""
    offsets = _offsets(connected.ndim - 3)
    # the offsets are in order, so the opposite of the i-th is the i-th from the end
    answers = [_neighbour(connected[:, :, -1 - i], offset) for i, offset in enumerate(offsets)]
    return connected * torch.stack(answers, 2)


def _offsets(ndim: int) -> list[tuple[int, ...]]:
    return [offset for offset in itertools.product((-1, 0, 1), repeat=ndim) if any(offset)]


def _neighbour(maps: torch.Tensor, offset: tuple[int, ...]) -> torch.Tensor:
    """Return the value of each voxel's neighbour at an offset, 0 beyond the border."""
    margin = [side for step in reversed(offset) for side in (max(-step, 0), max(step, 0))]
    padded = F.pad(maps, margin)
    for axis, step in enumerate(offset, start=2):
        padded = padded.narrow(axis, max(step, 0), maps.shape[axis])
    return padded


def _entropy(probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each image and class, ``(B, C)``."""
    # CUDA's autocast refuses this function, whatever the types of its arguments
    off = torch.autocast("cuda", enabled=False) if probabilities.is_cuda else nullcontext()
    with off:
        entropy = F.binary_cross_entropy(probabilities, target, reduction="none")
    return entropy.flatten(2).mean(2)
