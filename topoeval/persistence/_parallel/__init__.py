"""Pairs of components and of their duals, for a whole batch by tensor operations alone.

`order`: voxels in the order in which they enter, and two graphs on them. `basins`: every voxel at
the minimum below it. `links` and `saddles`: the few edges that can join two components. `pairing`:
which minimum dies at which edge, in at most log2 of their number rounds. `plain`: these put
together; `fused`, with `kernels`: the same by Triton; `choice`: which of the two. `bars`: all of
it.

`filtrations`, `lattice`, `elders` and `matching` are the induced matching of two images: three
orders that can be compared, their cells, who dies where when ages are those of another order, and
all of it.
"""
