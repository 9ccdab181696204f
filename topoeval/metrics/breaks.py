"""Where a structure is cut, and where parts are joined that are apart in the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, generate_binary_structure

from topoeval.metrics.arrays import Array, as_mask, check_same_shape
from topoeval.metrics.components import label
from topoeval.metrics.euler import euler_number
from topoeval.metrics.regions import Regions
from topoeval.topology import Topology

_NEAR = 2
"""Contacts of a part that are joined within so many voxels of it are one place."""


@dataclass(frozen=True, slots=True, eq=False)
class Breaks:
    """Parts of one mask alone that change what is connected in the other.

    Parameters
    ----------
    cuts
        Parts of the target that the prediction misses and goes on at two places or more: a gap in a
        vessel, or in a ring, which stays in one piece.
    bridges
        Parts of the prediction that are false and touch the target at two places or more.
    tunnels
        Of volumes: other missed or false parts that change the Euler number of the mask that they
        are added to, as a hole through a sheet or a handle does. Of images there are none.
    passed_over
        How many parts, the smallest, were not looked at because `most` were.
    """

    cuts: Regions
    bridges: Regions
    tunnels: Regions
    passed_over: int = 0


def breaks(
    prediction: Array, target: Array, topology: Topology | str, most: int | None = None
) -> Breaks:
    """Find the missed parts that cut a structure, and the false ones that join two.

    Decided close to each part: two places at which it touches the other mask are one where they are
    connected within two voxels of it. So a structure that is drawn too thin or too thick, or ends
    too early, is not cut. What has no counterpart at all is found by `wrong_regions`.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D, all axes spatial.
    topology
        Its foreground connectivity says what touches.
    most
        Of the missed and of the false parts only so many, the largest, are looked at, one after
        the other. All if None.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or they are neither 2D nor 3D.

    Examples
    --------
    >>> target = np.zeros((5, 9), dtype=bool)
    >>> target[2] = True
    >>> prediction = target.copy()
    >>> prediction[2, 4] = False
    >>> found = breaks(prediction, target, Topology())
    >>> found.cuts.number, found.bridges.number
    (1, 0)
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    topology = Topology.parse(topology)
    cuts, missing, left = _split(g & ~p, p, topology, most)
    bridges, added, right = _split(p & ~g, g, topology, most)
    tunnels = np.where(added.labels > 0, added.labels + missing.number, missing.labels)
    return Breaks(cuts, bridges, Regions(tunnels, missing.number + added.number), left + right)


def _split(
    parts: NDArray[np.bool_], other: NDArray[np.bool_], topology: Topology, most: int | None
) -> tuple[Regions, Regions, int]:
    """Keep the components that touch `other` at two places or more, and those that tunnel it.

    The third is how many were not looked at.
    """
    connectivity = topology.foreground_connectivity(parts.ndim)
    labels, number = label(parts, connectivity)
    kinds = np.zeros((2, number + 1), np.int32)
    counts = [0, 0]
    boxes = find_objects(labels.astype(np.int32, copy=False))
    seen = np.arange(number)
    if most is not None and number > most:
        sizes = np.bincount(labels.ravel())[1:]
        seen = np.sort(np.argsort(-sizes, kind="stable")[:most])
    for one in seen:
        around = tuple(slice(max(side.start - _NEAR, 0), side.stop + _NEAR) for side in boxes[one])
        part, near = labels[around] == one + 1, other[around]
        places = _places(part, near, connectivity)
        tunnels = places == 1 and parts.ndim == 3 and _pierces(part, near, topology)
        if places > 1 or tunnels:
            kind = int(tunnels)
            counts[kind] += 1
            kinds[kind, one + 1] = counts[kind]
    found = [Regions(kind[labels], count) for kind, count in zip(kinds, counts, strict=True)]
    return found[0], found[1], number - len(seen)


def _pierces(part: NDArray[np.bool_], other: NDArray[np.bool_], topology: Topology) -> bool:
    """Whether a part changes the Euler number, which depends on its neighbours alone."""
    before = euler_number(other, topology.construction)
    return euler_number(other | part, topology.construction) != before


def _places(part: NDArray[np.bool_], other: NDArray[np.bool_], connectivity: int) -> int:
    """Return at how many places a part touches the other mask."""
    ndim = part.ndim
    touching: Any = generate_binary_structure(ndim, 1 if connectivity in (4, 6) else ndim)
    contact = binary_dilation(part, touching) & other
    if np.count_nonzero(contact) < 2:
        return int(contact.any())
    shell = binary_dilation(part, generate_binary_structure(ndim, ndim), _NEAR) & other
    return len(np.unique(label(shell, connectivity)[0][contact]))
