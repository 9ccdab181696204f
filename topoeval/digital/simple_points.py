"""Simple points: voxels that can change colour without changing the topology of their image.

A voxel is simple if and only if, in its neighbourhood of 3^d voxels, exactly one component of the
foreground and exactly one component of the background are adjacent to it (G. Bertrand and
G. Malandain, Pattern Recognition Letters 15, 1994). Which voxels are adjacent is the topology's
say; the two phases always have dual adjacencies.

A neighbourhood is one integer, its *code*: bit k is the colour of the k-th of the 3^d voxels in
row-major order, and the bit of the voxel itself is 0. Components then grow by shifts, for any
number of neighbourhoods at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.digital.border import inside, surrounded
from topoeval.topology import Construction, Topology

Codes = NDArray[Any]  # uint16 in 2D, uint32 in 3D

# Neighbourhoods handled together: few enough to stay in the processor's cache.
_CHUNK = 1 << 14


def simple_points(images: NDArray[np.bool_], topology: Topology) -> NDArray[np.bool_]:
    """Return which voxels are simple, foreground and background alike.

    Parameters
    ----------
    images
        Boolean masks ``(B, H, W)`` or ``(B, D, H, W)``; True is foreground whatever
        ``topology.direction`` says.
    topology
        Construction and border.

    Returns
    -------
    Boolean, same shape. Voxels that are simple together need not be so one after the other.

    Raises
    ------
    UserError
        If the masks are not boolean or not a batch of 2D or 3D images.

    Examples
    --------
    A line: its ends can go, its middle cannot.

    >>> line = np.array([[[False, True, True, True, False]]])
    >>> simple_points(line, Topology())[0, 0].tolist()
    [True, True, False, True, True]
    """
    ndim = images.ndim - 1
    codes = neighbourhood_codes(surrounded(images, topology))[inside(ndim)]
    return is_simple(codes, ndim, topology.construction)


def neighbourhood_codes(images: NDArray[np.bool_]) -> Codes:
    """Return the code of every voxel of ``(B, *spatial)`` masks; beyond their edge all is False."""
    ndim = images.ndim - 1
    codes: Codes = images.astype(np.uint16 if ndim == 2 else np.uint32)
    for axis in range(ndim, 0, -1):  # rows of three, squares of nine, cubes
        step = 3 ** (ndim - axis)
        before = codes.swapaxes(0, axis)
        codes = codes << step
        after = codes.swapaxes(0, axis)
        after[1:] |= before[:-1]
        after[:-1] |= before[1:] << (2 * step)
    return codes & _cube(ndim).neighbours


def is_simple(codes: Codes, ndim: int, construction: Construction) -> NDArray[np.bool_]:
    """Return for each neighbourhood whether the voxel in its middle is simple.

    Parameters
    ----------
    codes
        Codes of any shape, as `neighbourhood_codes` makes them.
    ndim
        2 or 3.
    construction
        Decides the adjacency of the foreground: faces in V, corners in T.
    """
    if ndim == 2:
        return _table(construction)[codes]
    flat = codes.reshape(-1)
    simple = np.empty(flat.shape, dtype=bool)
    for start in range(0, len(flat), _CHUNK):
        stop = start + _CHUNK
        simple[start:stop] = _has_one_component_each(flat[start:stop], 3, construction)
    return simple.reshape(codes.shape)


@cache
def _table(construction: Construction) -> NDArray[np.bool_]:
    """Return whether each 2D code is simple; those with the bit of the centre do not occur."""
    return _has_one_component_each(np.arange(1 << 9, dtype=np.uint16), 2, construction)


def _has_one_component_each(
    codes: Codes, ndim: int, construction: Construction
) -> NDArray[np.bool_]:
    cube = _cube(ndim)
    opposite = codes ^ cube.neighbours
    by_faces, by_corners = (codes, opposite) if construction == "V" else (opposite, codes)
    return _one_corner_component(by_corners, cube) & _one_face_component(by_faces, cube)


def _one_corner_component(codes: Codes, cube: _Cube) -> NDArray[np.bool_]:
    """Whether all set voxels hang together through corners, and there are any."""
    reached = _lowest_bit(codes)
    while True:
        grown = reached
        for step, not_first, not_last in cube.axes:
            grown = grown | ((grown & not_last) << step) | ((grown & not_first) >> step)
        grown &= codes
        if np.array_equal(grown, reached):
            return (reached == codes) & (codes != 0)
        reached = grown


def _one_face_component(codes: Codes, cube: _Cube) -> NDArray[np.bool_]:
    """Whether all set voxels that share a face with the centre hang together through faces.

    In 3D the paths keep to the 18 voxels that share an edge with the centre: what a corner voxel
    alone would join is not joined at the centre.
    """
    codes = codes & cube.near
    faces = codes & cube.faces
    reached = _lowest_bit(faces)
    while True:
        grown = reached
        for step, not_first, not_last in cube.axes:
            grown = grown | ((reached & not_last) << step) | ((reached & not_first) >> step)
        grown &= codes
        if np.array_equal(grown, reached):
            return (faces & ~reached == 0) & (faces != 0)
        reached = grown


def _lowest_bit(codes: Codes) -> Codes:
    return codes & (~codes + 1)


@dataclass(frozen=True, slots=True)
class _Cube:
    """The 3^d neighbourhood as bit masks.

    `axes` gives for each axis the distance between neighbours along it in bits, the voxels that
    are not first along it and those that are not last.
    """

    neighbours: int
    near: int
    faces: int
    axes: tuple[tuple[int, int, int], ...]


@cache
def _cube(ndim: int) -> _Cube:
    offsets = list(product((-1, 0, 1), repeat=ndim))

    def mask_of(chosen: list[bool]) -> int:
        return sum(1 << bit for bit, wanted in enumerate(chosen) if wanted)

    distance = [sum(map(abs, offset)) for offset in offsets]
    return _Cube(
        neighbours=mask_of([d > 0 for d in distance]),
        near=mask_of([0 < d <= 2 for d in distance]),
        faces=mask_of([d == 1 for d in distance]),
        axes=tuple(
            (
                3 ** (ndim - 1 - axis),
                mask_of([offset[axis] > -1 for offset in offsets]),
                mask_of([offset[axis] < 1 for offset in offsets]),
            )
            for axis in range(ndim)
        ),
    )
