"""Distances between persistence diagrams of grey images: bottleneck and Wasserstein.

For masks all bars are (1, 0), and these distances say no more than the Betti numbers. They are
for probability maps. Computed by gudhi, which is an extra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError, UserError
from topoeval.metrics.arrays import Array, as_numpy, check_same_shape, leading_axes
from topoeval.topology import Topology


@dataclass(frozen=True, slots=True, eq=False)
class DiagramDistance:
    """Distances of pairs of diagrams, by dimension.

    Parameters
    ----------
    finite
        ``(..., d)`` float64: the bars that end, matched to each other or to the diagonal.
    essential
        ``(..., d)`` float64: the classes that never end, matched to each other by their birth.
    """

    finite: NDArray[np.float64]
    essential: NDArray[np.float64]


def bottleneck_distance(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> DiagramDistance:
    """Bottleneck distance: the longest way that a point must go in the best matching.

    Parameters
    ----------
    prediction, target
        Real images of equal shape ``(..., *spatial)``, for example probabilities.
    topology
        Construction, direction and border.
    spatial_dims
        2 or 3; None reads the whole array as one image.

    Returns
    -------
    Finite and essential parts apart, in units of the values (L-infinity); lower is better. Ways of
    classes born with the frame are 0.

    Raises
    ------
    UserError
        If the shapes differ or a value is not finite.

    Notes
    -----
    Exact, by `topoeval.persistence.bottleneck`; memory grows with the product of the numbers of
    bars.
    """
    from topoeval.persistence.bottleneck import bottleneck

    def essential(ways: NDArray[np.float64]) -> float:
        return float(ways.max(initial=0.0))

    return _by_dimension(prediction, target, topology, spatial_dims, bottleneck, essential)


def wasserstein_distance(
    prediction: Array,
    target: Array,
    topology: Topology | str,
    spatial_dims: int | None = None,
    order: float = 2.0,
) -> DiagramDistance:
    """Wasserstein distance of diagrams, with the Euclidean distance between points.

    ``(sum of way ** order) ** (1 / order)`` over the best matching, exact (gudhi with POT). Time
    grows with the third power of the number of bars.

    Parameters
    ----------
    prediction, target
        Real images of equal shape ``(..., *spatial)``, for example probabilities.
    topology
        Construction, direction and border.
    spatial_dims
        2 or 3; None reads the whole array as one image.
    order
        1 or more; 2 is usual.

    Returns
    -------
    Finite and essential parts apart, in units of the values; lower is better. Ways of classes born
    with the frame are 0.

    Raises
    ------
    UserError
        If the shapes differ, a value is not finite, or `order` is less than 1.
    UnavailableError
        If gudhi or POT is not installed.
    """
    if not order >= 1:
        raise UserError(f"the order of a Wasserstein distance is 1 or more, got {order}")

    def distance(p: NDArray[Any], g: NDArray[Any]) -> float:
        wasserstein = _wasserstein()
        return float(wasserstein(p, g, order=order, internal_p=2.0, keep_essential_parts=False))

    def essential(ways: NDArray[np.float64]) -> float:
        return float((ways**order).sum() ** (1 / order))

    return _by_dimension(prediction, target, topology, spatial_dims, distance, essential)


def _by_dimension(
    prediction: Array,
    target: Array,
    topology: Topology | str,
    spatial_dims: int | None,
    distance: Any,
    essential: Any,
) -> DiagramDistance:
    from topoeval.persistence import compute

    images = [as_numpy(values) for values in (prediction, target)]
    check_same_shape(*images)
    lead = leading_axes(images[0], spatial_dims)
    shape, spatial = images[0].shape[:lead], images[0].shape[lead:]
    tables = [
        compute(values.reshape(-1, *spatial), topology, spatial_dims=len(spatial)).numpy()
        for values in images
    ]
    number = tables[0].n_images
    finite, endless = np.zeros((2, number, len(spatial)))
    for image in range(number):
        for dim in range(len(spatial)):
            bars = [table.select([image], dim=dim) for table in tables]
            points = [np.stack([b.birth, b.death], axis=1) for b in bars]
            # A superlevel diagram lies below the diagonal; turned round the distances are the same.
            ordered = [np.sort(p[np.isfinite(p).all(axis=1)].astype(np.float64)) for p in points]
            finite[image, dim] = distance(*ordered)
            births = [
                np.sort(p[:, 0][np.isinf(p[:, 1]) & np.isfinite(p[:, 0])].astype(np.float64))
                for p in points
            ]
            endless[image, dim] = essential(np.abs(births[0] - births[1]))
    return DiagramDistance(
        finite.reshape(*shape, len(spatial)), endless.reshape(*shape, len(spatial))
    )


def _gudhi() -> Any:
    try:
        import gudhi
    except ImportError:
        raise UnavailableError(
            'distances of diagrams need gudhi; pip install "topoeval[diagrams]"'
        ) from None
    return gudhi


def _wasserstein() -> Any:
    _gudhi()
    try:
        from gudhi.wasserstein import wasserstein_distance as distance
    except ImportError:
        raise UnavailableError(
            'the Wasserstein distance needs POT; pip install "topoeval[diagrams]"'
        ) from None
    return distance
