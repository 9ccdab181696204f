"""Two barcodes and which of their bars are matched."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.persistence import Barcodes
from topoeval.plot.style import (
    COLOURS,
    GREY,
    arrows,
    bare,
    clip,
    key,
    legend,
    set_range,
    value_label,
    value_range,
)


def plot_matching(
    first: Barcodes[Any],
    second: Barcodes[Any],
    pairs: ArrayLike,
    *,
    labels: tuple[str, str] = ("prediction", "target"),
    max_bars: int | None = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw two barcodes and which of their bars are matched.

    A matched pair is one row: the bar of `first` above that of `second`. Bars without a partner
    follow, in grey ink. The pairs may come from any matching.

    Parameters
    ----------
    first, second
        Barcodes of one image each; `Barcodes.select` takes them out of a batch.
    pairs
        Integers ``(n, 2)``: rows of `first` and `second` that are matched.
    labels
        Names of the two.
    max_bars
        Pairs, and unmatched bars, to draw per dimension at most, the longest. None draws all.
    ax
        Where to draw; the current axes by default.

    Raises
    ------
    UserError
        A barcode of several images; a pair that names a row that is not there, a row twice, or rows
        of different dimensions.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> bars = compute(np.eye(3)[None])
    >>> ax = plot_matching(bars, bars, [[0, 0]])
    >>> [text.get_text() for text in ax.get_legend().get_texts()][0]
    'H0 components: 1 matched'
    """
    ax = plt.gca() if ax is None else ax
    tables = first.numpy(), second.numpy()
    for table, label in zip(tables, labels, strict=True):
        if table.n_images != 1:
            raise UserError(
                f"{label} holds {table.n_images} images; take one of them by bars.select([number])"
            )
    matched = _checked_pairs(pairs, tables, labels)
    low = min(value_range(table)[0] for table in tables)
    high = max(value_range(table)[1] for table in tables)
    lengths = [table.lengths(low, high) for table in tables]
    row, ticks, handles = 0.0, [], []
    for dim in sorted({*tables[0].dims, *tables[1].dims}):
        start = row
        chosen = matched[tables[0].dim[matched[:, 0]] == dim]
        longest = np.maximum(*(lengths[side][chosen[:, side]] for side in (0, 1)))
        chosen = chosen[np.argsort(-longest, kind="stable")]
        drawn = chosen[:max_bars]
        heights = row + np.arange(len(drawn))
        for side, shade in ((0, 1.0), (1, 0.5)):
            _bars(ax, tables[side], drawn[:, side], heights + 0.3 * side, COLOURS[dim], shade,
                  (low, high))  # fmt: skip
        row += len(drawn)
        for side, shade in ((0, 1.0), (1, 0.5)):
            alone = np.setdiff1d(np.flatnonzero(tables[side].dim == dim), matched[:, side])
            alone = alone[np.argsort(-lengths[side][alone], kind="stable")][:max_bars]
            heights = row + np.arange(len(alone)) + 0.3 * side
            _bars(ax, tables[side], alone, heights, GREY, shade, (low, high))
            row += len(alone)
        if row > start:
            ticks.append(((start + row - 1) / 2 + 0.15, f"H{dim}"))
            row += 1
        handles.append(key(dim, tables[0], len(chosen), len(drawn), what=" matched"))
    ax.set(xlabel=value_label(tables[0]), ylim=(max(row - 1, 1), -1))
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="y", length=0)
    set_range(ax, tables[0], low, high)
    ink = "#333333"
    handles += [
        Line2D([], [], color=ink, linewidth=3, label=labels[0]),
        Line2D([], [], color=ink, linewidth=3, alpha=0.5, label=labels[1]),
        Line2D([], [], color=GREY, linewidth=3, label=_unmatched(tables, matched, labels)),
    ]
    legend(ax, handles, ncols=2)
    bare(ax, left=False)
    return ax


def _bars(
    ax: Axes,
    table: Barcodes[Any],
    rows: NDArray[np.intp],
    heights: NDArray[Any],
    colour: str,
    shade: float,
    ends: tuple[float, float],
) -> None:
    """Draw single bars, one per height."""
    birth, death = (clip(column[rows], *ends) for column in (table.birth, table.death))
    ax.hlines(heights, birth, death, color=colour, alpha=shade, linewidth=2.4)
    arrows(ax, table, rows, heights, ends, colour, shade)


def _checked_pairs(
    pairs: ArrayLike, tables: tuple[Barcodes[Any], Barcodes[Any]], labels: tuple[str, str]
) -> NDArray[np.intp]:
    matched = np.asarray(pairs)
    if matched.size == 0:
        return np.empty((0, 2), np.intp)
    if matched.ndim != 2 or matched.shape[1] != 2 or matched.dtype.kind not in "iu":
        raise UserError(f"pairs must be integers of shape (n, 2), got {matched.dtype} of shape "
                        f"{matched.shape}")  # fmt: skip
    for side, (table, label) in enumerate(zip(tables, labels, strict=True)):
        rows = matched[:, side]
        if rows.min() < 0 or rows.max() >= len(table):
            raise UserError(
                f"pairs name row {rows.max() if rows.max() >= len(table) else rows.min()} of "
                f"{label}, which has {len(table)} bars"
            )
        if len(np.unique(rows)) < len(rows):
            raise UserError(f"pairs match a bar of {label} twice; a matching is one to one")
    dims = [table.dim[matched[:, side]] for side, table in enumerate(tables)]
    if np.any(dims[0] != dims[1]):
        raise UserError("pairs match bars of different dimensions")
    return matched.astype(np.intp)


def _unmatched(
    tables: tuple[Barcodes[Any], Barcodes[Any]],
    matched: NDArray[np.intp],
    labels: tuple[str, str],
) -> str:
    first, second = (len(table) - len(matched) for table in tables)
    return f"unmatched: {first} of {labels[0]}, {second} of {labels[1]}"
