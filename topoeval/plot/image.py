"""An image with the pixels where its features are born and die."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from topoeval.errors import UserError
from topoeval.persistence import Barcodes
from topoeval.plot.style import (
    COLOURS,
    key,
    legend,
    longest_first,
    one_image,
    value_range,
)

# Persistence is written beside the longest bars of a dimension, where it is not next to nothing.
_LABELLED, _WORTH_A_LABEL = 8, 0.05


def plot_image(
    picture: ArrayLike,
    bars: Barcodes[Any],
    *,
    image: int = 0,
    dims: Sequence[int] | None = None,
    max_bars: int | None = 30,
    index: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an image with the pixels where its features are born and die.

    A filled disc is a birth, a ring the death of the same feature, joined by a line; the area of
    the marks grows with the persistence of the feature, and the longest bars are labelled with it.

    Parameters
    ----------
    picture
        ``(H, W)`` or ``(D, H, W)``, the image that `bars` were computed from.
    bars, image, dims, max_bars, ax
        As in `plot_barcode`.
    index
        Slice of a volume along its first axis; the middle one by default. Features are drawn where
        their birth or death voxel lies in it.

    Raises
    ------
    UserError
        `picture` has another shape than the images behind `bars`, the bars come from an engine that
        gives no locations, or there is no such image, dimension or slice.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> ring = np.pad(np.pad([[0.2]], 1, constant_values=1.0), 1)
    >>> ax = plot_image(ring, compute(ring[None]))
    >>> [text.get_text() for text in ax.texts]
    ['1', '0.8']
    """
    ax = plt.gca() if ax is None else ax
    table = one_image(bars, image, dims)
    values = np.asarray(picture)
    if values.shape != table.spatial_shape:
        raise UserError(
            f"the picture has shape {values.shape}, the bars come from images of "
            f"{table.spatial_shape}; give the image that they were computed from"
        )
    low, high = value_range(table)
    volume = values.ndim == 3
    if volume:
        index = values.shape[0] // 2 if index is None else index
        if not 0 <= index < values.shape[0]:
            raise UserError(f"no slice {index} in a volume of {values.shape[0]} slices")
    shown = values[index] if volume else values
    ax.imshow(shown, cmap="gray", vmin=float(values.min()), vmax=float(values.max()))
    handles = []
    for dim in table.dims:
        part = table.select(dim=dim)
        lengths = part.lengths(low, high)
        features = []
        for bar in longest_first(part, low, high):
            birth, death = (
                _pixel(int(column[bar]), table.spatial_shape, index)
                for column in (part.birth_index, part.death_index)
            )
            if birth or death:
                features.append((birth, death, float(lengths[bar])))
        drawn = features[:max_bars]
        for place, (birth, death, length) in enumerate(drawn):
            share = length / (high - low)
            label = _three_digits(length) if place < _LABELLED and share > _WORTH_A_LABEL else ""
            _feature(ax, birth, death, COLOURS[dim], share, label)
        handles.append(key(dim, table, len(features), len(drawn)))
    ax.set(xticks=[], yticks=[])
    legend(ax, handles)
    return ax


def _pixel(index: int, shape: tuple[int, ...], plane: int | None) -> tuple[float, float] | None:
    """Return (x, y) of a voxel; None at infinity and outside the slice that is drawn."""
    if index < 0:
        return None
    place = np.unravel_index(index, shape)
    if len(place) == 3 and place[0] != plane:
        return None
    return float(place[-1]), float(place[-2])


def _feature(
    ax: Axes,
    birth: tuple[float, float] | None,
    death: tuple[float, float] | None,
    colour: str,
    share: float,
    label: str,
) -> None:
    """Draw the birth and the death of one feature; `share` of the range is its persistence."""
    size = 12 + 70 * share
    if birth and death:
        ax.plot(*zip(birth, death, strict=True), color=colour, linewidth=0.6 + share, alpha=0.7)
    if death:
        ax.scatter(*death, s=size, facecolors="none", edgecolors=colour, linewidths=1.6, zorder=3)
    if birth:
        ax.scatter(*birth, s=size, color=colour, edgecolors="white", linewidths=0.6, zorder=4)
    if label:
        halo = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
        ax.annotate(
            label, birth or death or (0, 0), (6, 4), textcoords="offset points",
            fontsize=8, color=colour, bbox=halo, zorder=5,
        )  # fmt: skip


def _three_digits(value: float) -> str:
    """Return 154 and 0.75, and never a power of ten."""
    return f"{float(f'{value:.3g}'):.10g}"
