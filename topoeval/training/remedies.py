"""Plain corrections of a mask that any topology method must beat.

They use the same knowledge as a Betti prior: how many components and holes there should be. A
removed voxel gets probability 0, an added one 1; all others keep theirs.

A remedy is a function ``remedy(probabilities, prior, topology, **params)`` of one channel of one
image; ``REMEDIES.register`` adds one, and so does the entry-point group ``topoeval.remedies``.
"""

from __future__ import annotations

from collections.abc import Callable

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.registry import Registry
from topoeval.repair import Options, repair
from topoeval.repair.edits import REVISION
from topoeval.topology import Topology

Probabilities = NDArray[np.float32]
Mask = NDArray[np.bool_]


def largest_components(mask: Mask, topology: Topology, keep: int = 1) -> Mask:
    """Return the `keep` largest components of a 2D or 3D mask, in the topology's connectivity."""
    return _largest(_labels(mask, topology.foreground_connectivity(mask.ndim)), keep)


def fill_holes(mask: Mask, topology: Topology, keep: int = 0) -> Mask:
    """Fill all holes (background that does not reach the border) but the `keep` largest.

    In 2D these are the classes of dimension 1, in 3D the cavities, of dimension 2.
    """
    padded = np.pad(~mask, 1, constant_values=True)
    labels = _labels(padded, topology.background_connectivity(mask.ndim))
    inner = (slice(1, -1),) * mask.ndim
    holes = np.where(labels == labels[(0,) * mask.ndim], 0, labels)[inner]
    return mask | ((holes > 0) & ~_largest(holes, keep))


def open_and_close(mask: Mask, opening: int, closing: int) -> Mask:
    """Open, then close, with balls of the face neighbourhood; radius 0 leaves a step out."""
    cross = ndimage.generate_binary_structure(mask.ndim, 1)
    if opening:
        mask = ndimage.binary_opening(mask, cross, iterations=opening)
    if closing:
        padded = np.pad(mask, closing)  # closing must not erode from the image edge
        closed = ndimage.binary_closing(padded, cross, iterations=closing)
        mask = closed[(slice(closing, -closing),) * mask.ndim]
    return mask


def largest_component(
    probabilities: Probabilities, prior: tuple[int, ...] | None, topology: Topology
) -> Probabilities:
    """Keep as many of the largest components as the prior asks for (one without a prior)."""
    mask = probabilities >= 0.5
    return _write(probabilities, largest_components(mask, topology, prior[0] if prior else 1))


def morphology(
    probabilities: Probabilities,
    prior: tuple[int, ...] | None,
    topology: Topology,
    *,
    opening: int = 1,
    closing: int = 1,
) -> Probabilities:
    """Open, close, and fill all holes but as many of the largest as the prior asks for."""
    for name, radius in (("opening", opening), ("closing", closing)):
        if radius < 0:  # which SciPy takes for "until nothing changes"
            raise UserError(f"{name} must be 0 or more, got {radius}")
    mask = open_and_close(probabilities >= 0.5, opening, closing)
    return _write(probabilities, fill_holes(mask, topology, prior[-1] if prior else 0))


def edit(
    probabilities: Probabilities,
    prior: tuple[int, ...] | None,
    topology: Topology,
    *,
    evidence: float = 0.0,
    width: float = 3.0,
    radius: float = 1.0,
    settle: bool = False,
) -> Probabilities:
    """Edit the mask until it has the numbers of the prior (`topoeval.repair`); without, nothing."""
    if prior is None:
        return probabilities
    options = Options(evidence=evidence, width=width, radius=radius, settle=settle)
    # The package reads maps with bright as foreground, whatever the direction of the filtration.
    bright = Topology(topology.construction, "superlevel", topology.border)
    return _write(probabilities, repair(probabilities, prior, bright, options).mask)


edit.revision = REVISION  # type: ignore[attr-defined]


def keep_and_fill(
    probabilities: Probabilities, prior: tuple[int, ...] | None, topology: Topology
) -> Probabilities:
    """Keep as many components and fill all holes but as many as the prior says."""
    mask = largest_components(probabilities >= 0.5, topology, prior[0] if prior else 1)
    return _write(probabilities, fill_holes(mask, topology, prior[-1] if prior else 0))


def threshold_for_prior(
    probabilities: Probabilities,
    prior: tuple[int, ...] | None,
    topology: Topology,
    *,
    steps: int = 99,
) -> Probabilities:
    """Cut at the threshold whose mask is nearest to the prior; of equal ones nearest to 0.5.

    `steps` thresholds lie evenly between 0 and 1. Without a prior nothing is changed.
    """
    if steps < 1:
        raise UserError(f"steps must be 1 or more, got {steps}")
    if prior is None:
        return probabilities
    cuts = np.arange(1, steps + 1, dtype=np.float32) / np.float32(steps + 1)
    masks = probabilities >= cuts.reshape(-1, *[1] * probabilities.ndim)
    bright = Topology(topology.construction, "superlevel", topology.border)
    counts = betti_numbers(masks, bright, spatial_dims=probabilities.ndim)
    wrong = np.abs(counts - np.asarray(prior)).sum(axis=1)
    best = min(range(steps), key=lambda i: (wrong[i], abs(float(cuts[i]) - 0.5)))
    return _write(probabilities, masks[best])


def _is_remedy(plugin: object) -> None:
    if not callable(plugin) or isinstance(plugin, type):
        raise TypeError(
            f"{plugin!r} is no remedy: a function of probabilities, prior and topology is wanted"
        )


REMEDIES: Registry[Callable[..., Probabilities]] = Registry(
    "remedy",
    {
        "largest_component": "topoeval.training.remedies:largest_component",
        "morphology": "topoeval.training.remedies:morphology",
        "edit": "topoeval.training.remedies:edit",
        "keep_and_fill": "topoeval.training.remedies:keep_and_fill",
        "threshold_for_prior": "topoeval.training.remedies:threshold_for_prior",
    },
    group="topoeval.remedies",
    validate=_is_remedy,
)


def apply_remedy(
    name: str,
    probabilities: Probabilities,
    priors: NDArray[np.int64] | None,
    topology: Topology,
    *,
    exclusive: bool = False,
    **params: object,
) -> Probabilities:
    """Apply a remedy to every channel of every image of ``(N, C, *spatial)`` probabilities.

    Parameters
    ----------
    name
        Of the remedy.
    probabilities
        A map for each class; the class is predicted where it is 0.5 or more.
    priors
        Betti numbers ``(N, d)``, or ``(N, C, d)`` for several classes; None if unknown.
    topology
        How masks are read.
    exclusive
        Whether a voxel has at most one class: then a class gets no voxel that another one has.
    params
        The remedy's own.

    Raises
    ------
    UserError
        Unknown remedy or parameter; or what it returns has another shape than the channel.
    """
    remedy = REMEDIES.load(name)
    result = np.empty_like(probabilities)
    try:
        for i, image in enumerate(probabilities):
            for c, channel in enumerate(image):
                prior = None if priors is None else _of_class(priors[i], c)
                corrected = remedy(channel, prior, topology, **params)
                if np.shape(corrected) != channel.shape:
                    raise UserError(
                        f"remedy {name!r} returned an array of shape {np.shape(corrected)} for a "
                        f"channel of shape {channel.shape}"
                    )
                result[i, c] = corrected
            if exclusive:
                result[i] = _without_overlap(image, result[i])
    except TypeError as error:
        raise UserError(f"remedy {name!r}: {error}") from error
    return result


def _of_class(prior: NDArray[np.int64], c: int) -> tuple[int, ...]:
    return tuple(int(b) for b in (prior[c] if prior.ndim == 2 else prior))


def _without_overlap(before: Probabilities, after: Probabilities) -> Probabilities:
    """Return `after` without voxels that a class got and another one, of `before`, still has.

    Of two classes that get the same voxel of the background the first keeps it.
    """
    had, has = before >= 0.5, after >= 0.5
    taken = np.any(had & has, axis=0)
    result = after.copy()
    for c in range(len(after)):
        result[c][has[c] & ~had[c] & taken] = 0
        taken = taken | (result[c] >= 0.5)
    return result


def _labels(mask: Mask, connectivity: int) -> NDArray[np.integer]:
    # cc3d types its connectivity as a literal; Topology hands out nothing but 4, 6, 8 and 26.
    return cc3d.connected_components(mask, connectivity=connectivity)  # type: ignore[call-overload]


def _largest(labels: NDArray[np.integer], keep: int) -> Mask:
    """Return where `labels` is one of its `keep` most frequent non-zero values."""
    sizes = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[:keep]
    return np.isin(labels, order[sizes[order] > 0])


def _write(probabilities: Probabilities, mask: Mask) -> Probabilities:
    before = probabilities >= 0.5
    return np.where(mask == before, probabilities, mask.astype(probabilities.dtype))
