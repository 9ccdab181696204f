"""What is true of a loss before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import torch

Cost = Literal["cheap", "moderate", "expensive"]


@dataclass(frozen=True, slots=True)
class LossInfo:
    """The card of a loss.

    Parameters
    ----------
    name, title
        Name in suites and methods; words in tables.
    ndims
        Spatial dimensions it takes.
    needs_target
        Called as ``loss(input, target)`` with ``(B, C, *spatial)`` targets.
    needs_prior
        Called as ``loss(input, prior=...)`` with ``(B, d)`` Betti numbers. Needs no labels.
    input
        ``"probabilities"``: takes probabilities, or logits with ``sigmoid=True`` or
        ``softmax=True``. ``"logits"``: takes logits; one channel is binary, several are a softmax.
    soft_targets
        Whether a target between 0 and 1 is a probability to it. Other losses are meant for masks:
        what a teacher predicts is cut at one half for them.
    takes_topology, takes_backend
        Whether it is built with ``topology=``, and with ``backend=``.
    device
        What runs where the input lives, on CUDA and ROCm: ``"all"`` of it, single numbers apart;
        ``"2D"``: all of it for images with binary targets, where of volumes what finds loops goes
        to the CPU; or ``"part"``, the rest on the CPU. Barcodes and matchings by backend ``torch``.
    minimum
        Its value where the prediction equals a binary target; None where that is not claimed.
    strict
        Whether every other mask costs more than `minimum`.
    plain
        Whether it uses no topology, but voxels or overlap alone. Deep supervision gives such a
        loss the lower resolutions, too.
    multiclass
        How several channels are treated, in words.
    channels
        ``"each"``: each is a map of its own. ``"softmax"``: they are the classes of one softmax,
        background first, and targets sum to 1. ``"labels"``: as a softmax, and its arguments name
        single labels.
    voxel_means
        Names of the parts that are means over voxels, so that voxels that do not count are left
        out of the number of voxels too.
    fullgraph
        Whether `torch.compile` takes it whole (``fullgraph=True``); else the graph breaks where it
        leaves torch. Checks of values are left out of a compiled graph.
    double_backward
        Whether the gradient can be differentiated; what is discrete (a matching, a skeleton, a set
        of critical voxels) is constant there too.
    departures
        What differs from the authors' code, in a sentence or two; empty where nothing is known to.
    cost
        ``cheap`` (as Dice), ``moderate`` (up to a network step), ``expensive`` (more).
    citation
        Where the formula is from.
    advice
        When to use it, in a sentence or two.
    revision
        Raised when the loss returns other values or gradients than before: runs with the old ones
        are then of the old code.
    """

    name: str
    title: str
    ndims: tuple[int, ...]
    needs_target: bool
    needs_prior: bool
    multiclass: str
    cost: Cost
    citation: str
    input: Literal["probabilities", "logits"] = "probabilities"
    soft_targets: bool = False
    takes_topology: bool = False
    takes_backend: bool = False
    device: Literal["all", "2D", "part"] = "all"
    minimum: float | None = None
    strict: bool = False
    channels: Literal["each", "softmax", "labels"] = "each"
    voxel_means: tuple[str, ...] = ()
    fullgraph: bool = False
    double_backward: bool = True
    plain: bool = False
    advice: str = ""
    departures: str = ""
    revision: int = 1


class Loss(Protocol):
    """What the registry holds: a module that knows what it needs.

    Called as ``loss(input, target)`` or ``loss(input, prior=prior)``, as its `info` says. Losses
    with targets may also have ``prepare`` and ``select``; see `topoeval.losses.base.TargetLoss`.
    """

    info: ClassVar[LossInfo]

    def __call__(self, input: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return a scalar."""
        ...
