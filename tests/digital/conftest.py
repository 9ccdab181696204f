"""Homotopic deformation in NumPy, voxel for voxel what the engine does: the tests' oracle."""

from itertools import pairwise, product

import numpy as np

from topoeval.digital.border import inside, padded_by_one, surrounded
from topoeval.digital.simple_points import _CHUNK, _cube, _lowest_bit, is_simple


def codes_at(colours, voxels, cube):
    """Return the codes of some voxels.

    Parameters
    ----------
    colours
        All images, flat; none of the voxels lies on an image's edge.
    voxels
        Flat indices, ``(n,)``.
    cube
        The ways from a voxel to those of its neighbourhood, as `cube_steps` gives them.
    """
    ndim, dtype = (2, "<u2") if len(cube) == 9 else (3, "<u4")
    codes = np.empty(len(voxels), dtype=dtype)
    for start in range(0, len(voxels), _CHUNK):
        around = colours[voxels[start : start + _CHUNK, None] + cube]
        packed = np.packbits(around, axis=1, bitorder="little")
        codes[start : start + _CHUNK] = packed.view(dtype)[:, 0]
    return codes & _cube(ndim).neighbours


def cube_steps(shape):
    """Return the flat index of each voxel of the neighbourhood less that of its middle, ``(3^d,)``.

    `shape` is that of the images, ``(B, *spatial)``.
    """
    strides = np.cumprod((1, *shape[:1:-1]))[::-1]
    return np.asarray(list(product((-1, 0, 1), repeat=len(strides))) @ strides)


def is_end(codes, ndim, construction):
    """Return for each neighbourhood whether its middle, if foreground, is the end of a curve.

    That is a voxel with exactly one adjacent foreground voxel.
    """
    cube = _cube(ndim)
    adjacent = codes & (cube.faces if construction == "V" else cube.neighbours)
    return (adjacent != 0) & (adjacent == _lowest_bit(adjacent))


def deform(
    images,
    changeable,
    depth,
    topology,
    *,
    keep_ends=False,
):
    """Flip simple voxels of a batch of masks, in order, until none is left that may change.

    Parameters
    ----------
    images
        Boolean masks ``(B, *spatial)``.
    changeable
        Voxels that may flip, each once; same shape.
    depth
        Not negative; voxels go by its integer part, lower ones first. Same shape.
    topology
        Construction and border.
    keep_ends
        Leave for good what is the end of a curve when its turn comes, unless a neighbour, there
        still or not, is deeper by more than a half: such a curve is a spur.

    Notes
    -----
    Voxels go in parallel by subfields, the 2^d classes of equal coordinate parity. No two voxels
    of a subfield are neighbours, so flipping all simple ones at once is flipping one after the
    other. A voxel is looked at again only after a neighbour has flipped.
    """
    ndim, construction = images.ndim - 1, topology.construction
    padded = surrounded(images, topology)
    cube = cube_steps(padded.shape)
    colours = padded.reshape(-1)
    depths = padded_by_one(depth).reshape(-1)
    waiting = padded_by_one(changeable).reshape(-1)  # may change, and has not
    due = waiting.copy()  # not looked at since a neighbour flipped

    voxels = np.flatnonzero(waiting)
    rank = depths[voxels].astype(np.int64)
    for coordinate in np.unravel_index(voxels, padded.shape)[1:]:
        rank = 2 * rank + (coordinate & 1)
    sorting = np.argsort(rank, kind="stable")
    voxels, rank = voxels[sorting], rank[sorting]

    while (now := due[voxels]).any():
        turn, turn_rank = voxels[now], rank[now]
        for level in _runs(turn_rank >> ndim):
            if keep_ends:
                here = turn[level]
                here = here[is_end(codes_at(colours, here, cube), ndim, construction)]
                deepest_near = depths[here[:, None] + cube].max(axis=1)
                waiting[here[deepest_near <= depths[here] + 0.5]] = False
            for subfield in _runs(turn_rank[level]):
                here = turn[level][subfield]
                here = here[waiting[here]]
                due[here] = False
                here = here[is_simple(codes_at(colours, here, cube), ndim, construction)]
                colours[here] ^= True
                waiting[here] = False
                due[here[:, None] + cube] = True
        still = waiting[voxels]
        voxels, rank = voxels[still], rank[still]
    return padded[inside(ndim)]


def _runs(sorted_values):
    """Yield where equal values stand."""
    bounds = np.flatnonzero(np.diff(sorted_values)) + 1
    for start, stop in pairwise([0, *bounds.tolist(), len(sorted_values)]):
        yield slice(start, stop)
