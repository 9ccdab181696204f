"""What `plain` does, its hot parts as Triton kernels: fewer launches, no table of neighbours.

Sorting, prefix sums and the choice of rows stay with torch. Where `pairing.merge` numbers the
basins of a round anew, this leaves their tables as long as they are: on a GPU that is cheaper than
to ask how many are left.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from topoeval.persistence._parallel import kernels
from topoeval.persistence._parallel.basins import Basins
from topoeval.persistence._parallel.links import components_less_euler, cubes, may_join
from topoeval.persistence._parallel.order import Sweep, distance, neighbours
from topoeval.persistence._parallel.saddles import Edges

_BLOCK = 512
_HOPS = 15
_NONE = 2**31 - 1


def pairs(ranks: Tensor, spatial: Sequence[int], graphs: Sequence[Sweep]) -> tuple[Tensor, Tensor]:
    """Return the very tensors that `plain.pairs` returns."""
    # kernels run on the current device, not on that of a tensor
    with torch.cuda.device_of(ranks):  # type: ignore[no-untyped-call]
        basins, joins = find_basins(ranks, spatial, graphs)
        edges = saddle_edges(ranks, joins, basins, spatial, graphs)
        del joins
        death = ranks.new_full((len(basins.minima) + 1,), -1)
        while len(edges.key):
            edges = merge(edges, death)
        return basins.minima, death[:-1]


def find_basins(
    ranks: Tensor, spatial: Sequence[int], graphs: Sequence[Sweep]
) -> tuple[Basins, Tensor]:
    """Return the basins, and int8 ``(graphs, B * N)``: which voxels may join components."""
    n_images, size = ranks.shape
    pointer = ranks.new_empty(n_images * len(graphs) * (size + 1))
    joins = _rows(len(graphs), ranks.numel(), torch.int8, ranks.device)
    for number, graph in enumerate(graphs):
        known = _surroundings(len(spatial), graph.corners, ranks.device)
        kernels.stencil[_grid(ranks.numel())](
            *(ranks, known.bits, known.table, known.cubes, pointer, joins[number]),
            *(ranks.numel(), size, *_box(spatial), len(graphs), number, *_numbering(graph, size)),
            *_steps(len(spatial)),
            REACH=known.reach,
            LINK=max(known.reach, 2),
            BLOCK=_BLOCK,
        )
    own = torch.arange(len(pointer), dtype=torch.int32, device=pointer.device)
    is_minimum = pointer == own
    basin = is_minimum.cumsum(0, dtype=torch.int32).sub_(1)
    of_node = basin.index_select(0, _follow(pointer, size + 1))
    return Basins(is_minimum.nonzero()[:, 0], of_node), joins


def saddle_edges(
    ranks: Tensor, joins: Tensor, basins: Basins, spatial: Sequence[int], graphs: Sequence[Sweep]
) -> Edges:
    """Return the edges from voxels that may join components to their older neighbours."""
    size = ranks.shape[1]
    parts = []
    for number, graph in enumerate(graphs):
        known = _surroundings(len(spatial), graph.corners, ranks.device)
        saddles = joins[number].nonzero()[:, 0]
        one, key = _rows(2, len(saddles), torch.int32, ranks.device)
        other = ranks.new_empty((len(saddles), known.ways))
        if len(saddles):
            kernels.crossings[_grid(len(saddles))](
                *(ranks, known.bits, saddles, basins.of_node, one, other, key),
                *(len(saddles), size, *_box(spatial), len(graphs), number),
                *_numbering(graph, size),
                *_steps(len(spatial)),
                REACH=known.reach,
                WAYS=known.ways,
                BLOCK=_BLOCK,
            )
        saddle, way = (other != one[:, None]).nonzero(as_tuple=True)
        parts.append((one[saddle], other[saddle, way], key[saddle]))
    return Edges.sorted(*map(torch.cat, zip(*parts, strict=True)))


def merge(edges: Edges, death: Tensor) -> Edges:
    """Do one round, as `pairing.merge` does."""
    n, n_edges = len(death) - 1, len(edges.key)
    over_basins, over_edges = _grid(n), _grid(n_edges)
    first, leaving, core = _rows(3, n, torch.int32, death.device).fill_(_NONE)
    pointer, taken, merged = _rows(3, n, torch.int32, death.device)
    ends = edges.one, edges.other

    kernels.first_edges[over_edges](*ends, first, n_edges, BLOCK=_BLOCK)
    kernels.point[over_basins](*ends, first, pointer, taken, n, BLOCK=_BLOCK)
    tree = _follow(pointer, n)
    kernels.leave[over_edges](*ends, tree, leaving, n_edges, BLOCK=_BLOCK)
    turn = death.new_empty(n, dtype=torch.int64)
    kernels.queue[over_basins](tree, taken, leaving, core, turn, n, BLOCK=_BLOCK)

    turn, order = turn.sort()
    oldest = torch.empty_like(turn)
    least = turn.new_empty(over_basins)
    kernels.run[over_basins](turn, order, oldest, least, n, BLOCK=_BLOCK)
    least = least.cummin(0).values
    kernels.elder[over_basins](
        *(turn, order, oldest, least, leaving, core, edges.key, death, merged, n), BLOCK=_BLOCK
    )

    one, other = _rows(2, n_edges, torch.int32, death.device)
    apart = death.new_empty(n_edges, dtype=torch.int8)
    kernels.relabel[over_edges](*ends, merged, one, other, apart, n_edges, BLOCK=_BLOCK)
    between = apart.nonzero()[:, 0]
    return Edges(one[between], other[between], edges.key[between])


def _follow(pointer: Tensor, longest: int) -> Tensor:
    """Return where each pointer ends, on ways of at most `longest` nodes.

    Each launch goes so many times further that it needs no look at whether all have arrived.
    """
    for _ in range(_launches(longest)):
        ahead = torch.empty_like(pointer)
        kernels.chase[_grid(len(pointer))](pointer, ahead, len(pointer), HOPS=_HOPS, BLOCK=_BLOCK)
        pointer = ahead
    return pointer


def _launches(longest: int) -> int:
    return max(1, math.ceil(math.log(longest, _HOPS + 1)))


class Surroundings(NamedTuple):
    """What a kernel knows of the neighbours of a voxel."""

    reach: int  # distance of the furthest
    ways: int  # how many there are
    bits: Tensor  # int32 (27,): bit of a link for each step of the cube, in raster order
    table: Tensor  # int8: whether a link may join components, or of volumes what that is made of
    cubes: Tensor  # int32 (8,): bits of the neighbours in each octant


@functools.cache
def _surroundings(ndim: int, corners: bool, device: torch.device) -> Surroundings:
    steps = neighbours(ndim)
    reach = ndim if corners else 1
    cube = [step[3 - ndim :] for step in itertools.product((-1, 0, 1), repeat=3)]
    bits = [steps.index(step) if step in steps else 0 for step in cube]
    if reach == 3:
        table = components_less_euler(ndim, torch.device("cpu"))
    else:
        n_bits = sum(distance(step) <= 2 for step in steps)
        codes = torch.arange(1 << n_bits, dtype=torch.int32, device="cpu")
        table = may_join(codes, ndim, corners).to(torch.int8)
    return Surroundings(
        reach,
        sum(distance(step) <= reach for step in steps),
        torch.tensor(bits, dtype=torch.int32, device=device),
        table.to(device),
        torch.tensor(cubes(ndim), dtype=torch.int32, device=device),
    )


def _box(spatial: Sequence[int]) -> tuple[int, ...]:
    """Return depth, height and width."""
    return (1,) * (3 - len(spatial)) + tuple(spatial)


def _steps(ndim: int) -> tuple[int, int]:
    """Return which steps of the cube, in raster order, stay among the axes there are."""
    return (9, 18) if ndim == 2 else (0, 27)


def _numbering(graph: Sweep, size: int) -> tuple[int, int, int]:
    """Return slope and origin of a voxel's node by its rank, and the node beyond the border."""
    slope, origin = (-1, size) if graph.backwards else (1, 1)
    return slope, origin, 0 if graph.rooted else size + 1


def _rows(count: int, n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return ``(count, n)``, each row from an aligned address on."""
    return torch.empty((count, _grid(n)[0] * _BLOCK), dtype=dtype, device=device)[:, :n]


def _grid(n: int) -> tuple[int]:
    return (-(-n // _BLOCK),)
