"""Which voxels can join two components, told from the neighbours that came before.

The *lower link* of a voxel is the set of its neighbours that are older. Where it is connected, all
older neighbours are in one component already, and the voxel joins nothing. It is written as a code,
one bit for each of `neighbours(ndim)`, so that faces come first, then edges (2D: corners).
"""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor

from topoeval.persistence._parallel.order import Offset, distance, neighbours, shifted


def lower_links(padded: Tensor, corners: bool) -> Tensor:
    """Return int32 ``(B, *spatial)`` codes; bits that `may_join` does not read are left 0."""
    ndim = padded.ndim - 1
    own = shifted(padded, (0,) * ndim)
    links = torch.zeros_like(own, memory_format=torch.contiguous_format)
    for bit, step in enumerate(neighbours(ndim)):
        if corners or distance(step) <= 2:
            links.add_(shifted(padded, step) < own, alpha=1 << bit)
    return links


def may_join(links: Tensor, ndim: int, corners: bool) -> Tensor:
    """Return for each code whether the older neighbours fall into two components or more.

    Through faces, that is read from a table. Through corners, the components of the older are
    counted by what separates them, the younger linked through faces: around a pixel these are as
    many components, around a voxel one loop less (Alexander duality on the circle and the sphere).
    The Euler number gives the loops: ``components + cavities - (faces - edges + corners)``.
    """
    steps = neighbours(ndim)
    everything = (1 << len(steps)) - 1
    if not corners:
        return _look_up(_components(ndim, links.device), links) >= 2
    younger = links.bitwise_xor(everything)
    if ndim == 2:
        return _look_up(_components(ndim, links.device), younger) >= 2
    loops = _look_up(components_less_euler(ndim, links.device), younger)
    for cube in cubes(ndim):
        loops.add_((younger & cube) == cube, alpha=-1)
    loops.add_(younger == everything)
    return loops >= 1


def cubes(ndim: int) -> list[int]:
    """Return the code of the neighbours that form a cube with the voxel, for each octant."""
    return [
        sum(
            1 << bit
            for bit, step in enumerate(neighbours(ndim))
            if all(move in (0, side) for move, side in zip(step, octant, strict=True))
        )
        for octant in itertools.product((-1, 1), repeat=ndim)
    ]


def _look_up(table: Tensor, codes: Tensor) -> Tensor:
    entries = codes.reshape(-1).bitwise_and(len(table) - 1)
    return table.index_select(0, entries).reshape(codes.shape)


@functools.cache
def _components(ndim: int, device: torch.device) -> Tensor:
    """Return int8 for each code of faces and edges: how many components the faces in it form."""
    faces, edges, codes = _cells(ndim)
    apart = len(faces)  # more than any label
    labels = [torch.where(_holds(codes, bit), bit, apart) for bit in range(len(faces))]
    for _ in faces:  # a label reaches all of its component in less steps than there are faces
        for edge, one, other in edges:
            there = _holds(codes, edge) & _holds(codes, one) & _holds(codes, other)
            least = torch.minimum(labels[one], labels[other])
            labels[one] = torch.where(there, least, labels[one])
            labels[other] = torch.where(there, least, labels[other])
    found = sum((label == bit).to(torch.int8) for bit, label in enumerate(labels))
    return torch.as_tensor(found).to(device)


@functools.cache
def components_less_euler(ndim: int, device: torch.device) -> Tensor:
    """Return int8 for each code of faces and edges: components - faces + edges."""
    faces, edges, codes = _cells(ndim)
    table = _components(ndim, codes.device).clone()
    for bit in range(len(faces)):
        table -= _holds(codes, bit).to(torch.int8)
    for cells in edges:
        there = [_holds(codes, bit) for bit in cells]
        table += torch.stack(there).all(0).to(torch.int8)
    return table.to(device)


def _cells(ndim: int) -> tuple[list[Offset], list[tuple[int, int, int]], Tensor]:
    """Return the steps through faces; each edge as bits, its own and its two faces'; all codes."""
    steps = neighbours(ndim)
    faces = [step for step in steps if distance(step) == 1]
    edges = [
        (steps.index(both), steps.index(one), steps.index(other))
        for one, other in itertools.combinations(faces, 2)
        if distance(both := _plus(one, other)) == 2
    ]
    n_codes = 1 << (len(faces) + len(edges))
    return faces, edges, torch.arange(n_codes, dtype=torch.int32, device="cpu")


def _plus(one: Offset, other: Offset) -> Offset:
    return tuple(map(sum, zip(one, other, strict=True)))


def _holds(codes: Tensor, bit: int) -> Tensor:
    return (codes >> bit) & 1 == 1
