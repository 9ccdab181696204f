"""A barcode as bars, and as a persistence diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from topoeval.persistence import Barcodes
from topoeval.plot.style import (
    COLOURS,
    GREY,
    arrows,
    bare,
    clip,
    key,
    legend,
    longest_first,
    one_image,
    set_range,
    value_label,
    value_range,
)


def plot_barcode(
    bars: Barcodes[Any],
    *,
    image: int = 0,
    dims: Sequence[int] | None = None,
    max_bars: int | None = 100,
    ax: Axes | None = None,
) -> Axes:
    """Draw the bars of one image from birth to death, longest first in each dimension.

    Parameters
    ----------
    bars
        Result of `topoeval.persistence.compute`, NumPy or torch.
    image
        Number of the image in the batch; with channels ``b * C + c``.
    dims
        Dimensions to draw; all that were computed by default.
    max_bars
        Bars per dimension to draw at most, the longest; the legend says how many there are. None
        draws all.
    ax
        Where to draw; the current axes by default.

    Returns
    -------
    The axes. A bar that never dies ends in an arrow at the edge of the range of values.

    Raises
    ------
    UserError
        There is no such image or dimension.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> ax = plot_barcode(compute(np.eye(3)[None]))
    >>> ax.get_xlabel()
    'value (superlevel)'
    """
    ax = plt.gca() if ax is None else ax
    table = one_image(bars, image, dims)
    low, high = value_range(table)
    row, handles = 0, []
    for dim in table.dims:
        part = table.select(dim=dim)
        order = longest_first(part, low, high)
        drawn = order[:max_bars]
        birth, death = (clip(column[drawn], low, high) for column in (part.birth, part.death))
        heights = np.arange(row, row + len(drawn))
        ax.hlines(heights, birth, death, color=COLOURS[dim], linewidth=_bar_width(len(order)))
        arrows(ax, part, drawn, heights, (low, high))
        row += len(drawn)
        handles.append(key(dim, table, len(order), len(drawn)))
    ax.set(xlabel=value_label(table), yticks=[], ylim=(row - 0.2, -0.8))
    set_range(ax, table, low, high)
    legend(ax, handles)
    bare(ax, left=False)
    return ax


def plot_diagram(
    bars: Barcodes[Any],
    *,
    image: int = 0,
    dims: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the persistence diagram of one image: a point (birth, death) per bar.

    Points near the diagonal are short bars. Classes that never die, or are born with the frame,
    stand as triangles on the dashed line at infinity.

    Parameters
    ----------
    bars, image, dims, ax
        As in `plot_barcode`.

    Raises
    ------
    UserError
        There is no such image or dimension.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> ax = plot_diagram(compute(np.eye(3)[None]))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('birth', 'death')
    """
    ax = plt.gca() if ax is None else ax
    table = one_image(bars, image, dims)
    low, high = value_range(table)
    margin = 0.08 * (high - low)
    below, above = low - margin, high + margin
    ax.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=1)
    beyond = {-np.inf: below, np.inf: above}
    for value, line in beyond.items():
        if np.any(table.death == value):
            ax.axhline(line, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        if np.any(table.birth == value):
            ax.axvline(line, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    handles = []
    for dim in table.dims:
        part = table.select(dim=dim)
        birth, death = (clip(column, below, above) for column in (part.birth, part.death))
        finite = np.isfinite(part.birth) & np.isfinite(part.death)
        style: dict[str, Any] = {"color": COLOURS[dim], "linewidth": 0, "zorder": 2}
        ax.scatter(birth[finite], death[finite], s=18, alpha=0.65, **style)
        ax.scatter(birth[~finite], death[~finite], s=42, marker="^", clip_on=False, **style)
        handles.append(key(dim, table, len(part), len(part)))
    ax.set(xlabel="birth", ylabel="death", aspect="equal")
    ax.set_xlim(below - margin / 2, above + margin / 2)
    ax.set_ylim(below - margin / 2, above + margin / 2)
    legend(ax, handles)
    bare(ax)
    return ax


def _bar_width(count: int) -> float:
    return 3.0 if count <= 20 else 2.0 if count <= 60 else 1.2
