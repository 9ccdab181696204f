"""The hot parts of this package as Triton kernels; `fused` says in which order they run.

One lane is one voxel, node, edge or basin. It reads what earlier launches left, writes places that
are its own alone, or takes part in an atomic minimum of integers: nothing depends on the order in
which lanes run. Numbers of nodes, edges and basins are int32, `NONE` where there is none.

Integers are not specialised and all arrays begin at aligned addresses, so that what compiles for
one image is what runs for all of as many dimensions.
"""

from __future__ import annotations

import inspect

import triton
import triton.language as tl

NONE = tl.constexpr(2**31 - 1)


def _kernel(function):
    """Compile a function once for all values of its integers."""
    parameters = inspect.signature(function).parameters
    return triton.jit(function, do_not_specialize=[name for name in _NUMBERS if name in parameters])


_NUMBERS = [
    *("n", "size", "depth", "height", "width"),
    *("n_graphs", "graph", "slope", "origin", "pad"),
]


@triton.jit
def _lower(slot, value, mask):
    """Take the minimum with what is there; a look first spares the crowded slots."""
    lower = mask & (value < tl.load(slot, mask=mask, other=0))
    tl.atomic_min(slot, value, mask=lower, sem="relaxed")


@triton.jit
def _minimum(one, other):
    return tl.minimum(one, other)


# --- Voxels ---
# A voxel of rank r is the node ``slope * r + origin``, and one beyond the border is `pad`. Steps to
# neighbours are the K from FIRST to LAST of the 27 of a cube in raster order; `bits` says which bit
# of a link each one has. Faces are at distance 1, and neighbours up to REACH.


@triton.jit
def _node(ranks, place, inside, depth, height, width, slope, origin, pad, K: tl.constexpr):
    """Return the node one step from each voxel."""
    x = place % width + (K % 3 - 1)
    y = place // width % height + (K // 3 % 3 - 1)
    z = place // (width * height) % depth + (K // 9 - 1)
    there = inside & (x >= 0) & (x < width) & (y >= 0) & (y < height) & (z >= 0) & (z < depth)
    step = ((K // 9 - 1) * height + (K // 3 % 3 - 1)) * width + (K % 3 - 1)
    rank = tl.load(ranks + place + step, mask=there, other=0)
    return tl.where(there, slope * rank + origin, pad)


@_kernel
def stencil(
    ranks, bits, table, cubes, pointer, joins,
    n, size, depth, height, width, n_graphs, graph, slope, origin, pad,
    FIRST: tl.constexpr, LAST: tl.constexpr, REACH: tl.constexpr, LINK: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Point each node to the lowest among it and its neighbours; tell which may join components.

    `links.may_join` for each voxel: links are of neighbours up to LINK, and `table` has the answer
    to each, but for volumes through corners, where the answer is added up.
    """
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < n
    own = slope * tl.load(ranks + place, mask=inside, other=0) + origin
    lowest = own
    link = tl.zeros([BLOCK], tl.int32)
    for k in tl.static_range(FIRST, LAST):
        far = (k // 9 != 1) + (k // 3 % 3 != 1) + (k % 3 != 1)
        if far > 0 and far <= LINK:
            node = _node(ranks, place, inside, depth, height, width, slope, origin, pad, k)
            link |= (node < own).to(tl.int32) << tl.load(bits + k)
            if far <= REACH:
                lowest = tl.minimum(lowest, node)

    begin = (place // size * n_graphs + graph) * (size + 1)
    tl.store(pointer + begin + own, begin + lowest, mask=inside)
    tl.store(pointer + begin, begin, mask=inside & (place % size == 0))  # nothing is below node 0
    if LINK == 3:
        everything = (1 << 26) - 1
        younger = link ^ everything
        loops = tl.load(table + (younger & ((1 << 18) - 1)), mask=inside, other=0).to(tl.int32)
        for octant in tl.static_range(8):
            cube = tl.load(cubes + octant)
            loops -= ((younger & cube) == cube).to(tl.int32)
        loops += (younger == everything).to(tl.int32)
        tl.store(joins + place, (loops >= 1).to(tl.int8), mask=inside)
    else:
        tl.store(joins + place, tl.load(table + link, mask=inside, other=0), mask=inside)


@_kernel
def crossings(
    ranks, bits, saddles, basin, one, other, key,
    n, size, depth, height, width, n_graphs, graph, slope, origin, pad,
    FIRST: tl.constexpr, LAST: tl.constexpr, REACH: tl.constexpr, WAYS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Write for each saddle its node and basin, and the basin of each older neighbour.

    `other` has WAYS columns; where a neighbour is not older, the saddle's own basin.
    """
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = row < n
    place = tl.load(saddles + row, mask=inside, other=0).to(tl.int32)
    own = slope * tl.load(ranks + place, mask=inside, other=0) + origin
    begin = (place // size * n_graphs + graph) * (size + 1)
    tl.store(key + row, begin + own, mask=inside)
    tl.store(one + row, tl.load(basin + begin + own, mask=inside, other=0), mask=inside)
    for k in tl.static_range(FIRST, LAST):
        far = (k // 9 != 1) + (k // 3 % 3 != 1) + (k % 3 != 1)
        if far > 0 and far <= REACH:
            node = _node(ranks, place, inside, depth, height, width, slope, origin, pad, k)
            older = tl.minimum(node, own)
            across = tl.load(basin + begin + older, mask=inside, other=0)
            tl.store(other + row * WAYS + tl.load(bits + k), across, mask=inside)


@_kernel
def chase(pointer, ahead, n, HOPS: tl.constexpr, BLOCK: tl.constexpr):
    """Follow each pointer HOPS pointers further."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < n
    at = tl.load(pointer + place, mask=inside, other=0)
    for _ in range(HOPS):
        at = tl.load(pointer + at, mask=inside, other=0)
    tl.store(ahead + place, at, mask=inside)


# --- Rounds ---


@_kernel
def first_edges(one, other, first, n, BLOCK: tl.constexpr):
    """Lower `first` of both basins of each edge to the number of the edge."""
    edge = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = edge < n
    _lower(first + tl.load(one + edge, mask=inside, other=0), edge, inside)
    _lower(first + tl.load(other + edge, mask=inside, other=0), edge, inside)


@_kernel
def point(one, other, first, pointer, taken, n, BLOCK: tl.constexpr):
    """Point each basin across its first edge, the root of a tree to itself."""
    basin = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = basin < n
    edge = tl.load(first + basin, mask=inside, other=NONE)
    linked = edge != NONE
    across = tl.load(one + edge, mask=linked, other=0) + tl.load(other + edge, mask=linked, other=0)
    across -= basin
    back = tl.load(first + across, mask=linked, other=0)
    origin = tl.load(one + back, mask=linked, other=0) + tl.load(other + back, mask=linked, other=0)
    is_root = (origin - across == basin) & (basin < across)
    moves = linked & ~is_root
    tl.store(pointer + basin, tl.where(moves, across, basin), mask=inside)
    tl.store(taken + basin, tl.where(moves, edge, -1), mask=inside)


@_kernel
def leave(one, other, tree, leaving, n, BLOCK: tl.constexpr):
    """Lower `leaving` of both trees of each edge between trees to the number of the edge."""
    edge = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = edge < n
    here = tl.load(tree + tl.load(one + edge, mask=inside, other=0), mask=inside, other=0)
    there = tl.load(tree + tl.load(other + edge, mask=inside, other=0), mask=inside, other=0)
    apart = inside & (here != there)
    _lower(leaving + here, edge, apart)
    _lower(leaving + there, edge, apart)


@_kernel
def queue(tree, taken, leaving, core, turn, n, BLOCK: tl.constexpr):
    """Write when each basin has its turn, by tree and edge; find the oldest certain of a tree."""
    basin = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = basin < n
    root = tl.load(tree + basin, mask=inside, other=0)
    edge = tl.load(taken + basin, mask=inside, other=0)
    tl.store(turn + basin, (root.to(tl.int64) << 32) + edge + 1, mask=inside)
    certain = inside & (edge < tl.load(leaving + root, mask=inside, other=0))
    _lower(core + root, basin, certain)


@_kernel
def run(turn, order, oldest, ends, n, BLOCK: tl.constexpr):
    """Write the running minimum of the ages inside each block, trees one below the other."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < n
    below = (tl.load(turn + place, mask=inside, other=0) >> 32) * n
    age = tl.load(order + place, mask=inside, other=0) - below
    least = tl.associative_scan(age, 0, _minimum)
    tl.store(oldest + place, least, mask=inside)
    tl.store(ends + tl.program_id(0), tl.min(tl.where(inside, age, NONE), 0))


@_kernel
def elder(
    turn, order, oldest, ends, leaving, core, key, death, merged, n, BLOCK: tl.constexpr
):  # fmt: skip
    """Let the younger die where two meet, as far as that is certain, and name who goes on."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < n
    when = tl.load(turn + place, mask=inside, other=0)
    basin = tl.load(order + place, mask=inside, other=0).to(tl.int32)
    root = (when >> 32).to(tl.int32)
    edge = (when & 0xFFFFFFFF).to(tl.int32) - 1
    follows = inside & (edge >= 0)
    here = tl.load(oldest + place - 1, mask=follows, other=0)
    block = (place - 1) // BLOCK - 1
    earlier = tl.load(ends + block, mask=follows & (block >= 0), other=NONE)
    before = (tl.minimum(here, earlier) + root.to(tl.int64) * n).to(tl.int32)
    is_record = follows & (basin < before)
    certain = edge < tl.load(leaving + root, mask=inside, other=0)
    victim = tl.where(is_record, before, basin)
    final = follows & (certain | ~is_record)
    tl.store(death + victim, tl.load(key + edge, mask=final, other=0), mask=final)
    goes_on = tl.load(core + root, mask=inside, other=0)
    tl.store(merged + basin, tl.where(is_record & ~certain, basin, goes_on), mask=inside)


@_kernel
def relabel(one, other, merged, here, there, apart, n, BLOCK: tl.constexpr):
    """Write the basins of each edge by their new names, and whether they still differ."""
    edge = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = edge < n
    a = tl.load(merged + tl.load(one + edge, mask=inside, other=0), mask=inside, other=0)
    b = tl.load(merged + tl.load(other + edge, mask=inside, other=0), mask=inside, other=0)
    tl.store(here + edge, a, mask=inside)
    tl.store(there + edge, b, mask=inside)
    tl.store(apart + edge, (a != b).to(tl.int8), mask=inside)
