"""What all pictures of barcodes share: colours, one image of a batch, ranges, legends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.persistence import Barcodes

# Okabe & Ito: apart also under the common colour blindnesses.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
GREY = "#8a8a8a"
_NAMES = {2: ("components", "holes"), 3: ("components", "loops", "cavities")}


def one_image(bars: Barcodes[Any], image: int, dims: Sequence[int] | None) -> Barcodes[Any]:
    """Return the bars of one image in some dimensions, as NumPy columns."""
    if not 0 <= image < bars.n_images:
        raise UserError(f"no image {image} in a batch of {bars.n_images}")
    table = bars.numpy().select([image])
    if dims is None:
        return table
    wrong = sorted(set(dims) - set(table.dims))
    if wrong:
        raise UserError(f"dimension {wrong[0]} was not computed; there are {table.dims}")
    return replace(table, dims=tuple(sorted(set(dims))))


def value_range(table: Barcodes[Any]) -> tuple[float, float]:
    """Return the least and largest finite value; probabilities get the whole of 0 to 1."""
    ends = np.concatenate([table.birth, table.death]).astype(np.float64)
    ends = ends[np.isfinite(ends)]
    if ends.size == 0:
        return 0.0, 1.0
    low, high = float(ends.min()), float(ends.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def longest_first(table: Barcodes[Any], low: float, high: float) -> NDArray[np.intp]:
    """Return the rows by length within the range, longest first."""
    return np.argsort(-table.lengths(low, high), kind="stable")


def clip(values: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    """Return values with infinite ends moved to the edge of the range."""
    return np.clip(values.astype(np.float64), low, high)


def arrows(
    ax: Axes,
    table: Barcodes[Any],
    rows: NDArray[np.intp],
    heights: NDArray[Any],
    ends: tuple[float, float],
    colour: str = "",
    shade: float = 1.0,
) -> None:
    """Mark the ends that lie at infinity."""
    for column in (table.birth[rows], table.death[rows]):
        for place in np.flatnonzero(np.isinf(column)):
            above = column[place] > 0
            # the range of a superlevel filtration is drawn from high to low
            marker = ">" if above != table.topology.superlevel else "<"
            ax.plot(
                ends[1] if above else ends[0], heights[place], marker=marker, markersize=6,
                color=colour or COLOURS[int(table.dim[rows[place]])], alpha=shade, linewidth=0,
                clip_on=False,
            )  # fmt: skip


def key(dim: int, table: Barcodes[Any], count: int, drawn: int, what: str = "") -> Line2D:
    """Return the legend's entry for a dimension: its name, and how many bars there are."""
    name = _NAMES[len(table.spatial_shape)][dim]
    longest = f", longest {drawn} drawn" if drawn < count else ""
    label = f"H{dim} {name}: {count}{what}{longest}"
    return Line2D([], [], color=COLOURS[dim], linewidth=3, label=label)


def value_label(table: Barcodes[Any]) -> str:
    """Return the label of an axis of values."""
    return f"value ({table.topology.direction})"


def set_range(ax: Axes, table: Barcodes[Any], low: float, high: float) -> None:
    """Cut the axis of values to the range, in the direction in which the threshold moves."""
    margin = 0.02 * (high - low)
    ends = (low - margin, high + margin)
    ax.set_xlim(*(ends[::-1] if table.topology.superlevel else ends))


def legend(ax: Axes, handles: Sequence[Line2D], ncols: int = 1) -> None:
    """Set the legend above the axes, where it hides nothing."""
    ax.legend(
        handles=list(handles), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=ncols,
        frameon=False, fontsize=9, borderaxespad=0.2,
    )  # fmt: skip


def bare(ax: Axes, *, left: bool = True) -> None:
    """Take away the frame of the axes, but for what carries ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["left"].set_visible(left)
