"""Random maps and volumes, and a count of Betti numbers that shares no code with the package."""

from itertools import product

import numpy as np
import pytest
from scipy import ndimage


def betti_numbers(mask, topology):
    """Betti numbers by labelling, and in 3D by counting cells."""
    ndim = mask.ndim
    if topology.framed:
        mask = np.pad(mask, 1, constant_values=True)
    space = np.pad(mask, 1)
    faces, corners = (ndimage.generate_binary_structure(ndim, k) for k in (1, ndim))
    through_corners = topology.construction == "T"
    components = ndimage.label(space, corners if through_corners else faces)[1]
    holes = ndimage.label(~space, faces if through_corners else corners)[1] - 1
    if ndim == 2:
        return components, holes
    # A cell is given by the axes along which it joins two voxels: of the vertices it spans (V), or
    # of the cubes that share it (T).
    euler = 0
    for axes in product((0, 1), repeat=3):
        cells = space
        for axis, pair in enumerate(axes):
            if pair:
                low = cells.take(range(cells.shape[axis] - 1), axis)
                high = cells.take(range(1, cells.shape[axis]), axis)
                cells = (low | high) if through_corners else (low & high)
        dimension = 3 - sum(axes) if through_corners else sum(axes)
        euler += (-1) ** dimension * int(cells.sum())
    return components, components + holes - euler, holes


def random_map(rng, shape, kind):
    """A map of `kind`: noise, smooth, probability (near 0 and 1) or ties (five values)."""
    noise = rng.random(shape)
    if kind == "noise":
        values = noise
    elif kind == "ties":
        values = np.round(noise * 4) / 4
    else:
        values = ndimage.gaussian_filter(noise, 1.5 if kind == "smooth" else 0.7)
        values = (values - values.min()) / np.ptp(values)
        if kind == "probability":
            values = 1 / (1 + np.exp(-12 * (values - rng.uniform(0.3, 0.7))))
    return values.astype(np.float32)


@pytest.fixture(name="betti_numbers", scope="session")
def _betti_numbers():
    return betti_numbers


@pytest.fixture(name="random_map", scope="session")
def _random_map():
    return random_map
