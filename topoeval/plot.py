"""Pictures of barcodes: bars, diagrams, where in the image they are, and how two of them match.

Every function draws one image into one `matplotlib.axes.Axes` and returns it; nothing is shown or
saved. Colours are dimensions: blue components, orange loops, green cavities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.persistence import Barcodes

# Okabe & Ito: apart also under the common colour blindnesses.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
_GREY = "#8a8a8a"
_NAMES = {2: ("components", "holes"), 3: ("components", "loops", "cavities")}


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
    table = _one_image(bars, image, dims)
    low, high = _range(table)
    row, handles = 0, []
    for dim in table.dims:
        part = table.select(dim=dim)
        order = _longest_first(part, low, high)
        drawn = order[:max_bars]
        birth, death = (_clip(column[drawn], low, high) for column in (part.birth, part.death))
        heights = np.arange(row, row + len(drawn))
        ax.hlines(heights, birth, death, color=COLOURS[dim], linewidth=_bar_width(len(order)))
        _arrows(ax, part, drawn, heights, (low, high))
        row += len(drawn)
        handles.append(_key(dim, table, len(order), len(drawn)))
    ax.set(xlabel=_value_label(table), yticks=[], ylim=(row - 0.2, -0.8))
    _set_range(ax, table, low, high)
    _legend(ax, handles)
    _bare(ax, left=False)
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
    table = _one_image(bars, image, dims)
    low, high = _range(table)
    margin = 0.08 * (high - low)
    below, above = low - margin, high + margin
    ax.plot([low, high], [low, high], color=_GREY, linewidth=1, zorder=1)
    beyond = {-np.inf: below, np.inf: above}
    for value, line in beyond.items():
        if np.any(table.death == value):
            ax.axhline(line, color=_GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        if np.any(table.birth == value):
            ax.axvline(line, color=_GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    handles = []
    for dim in table.dims:
        part = table.select(dim=dim)
        birth, death = (_clip(column, below, above) for column in (part.birth, part.death))
        finite = np.isfinite(part.birth) & np.isfinite(part.death)
        style: dict[str, Any] = {"color": COLOURS[dim], "linewidth": 0, "zorder": 2}
        ax.scatter(birth[finite], death[finite], s=18, alpha=0.65, **style)
        ax.scatter(birth[~finite], death[~finite], s=42, marker="^", clip_on=False, **style)
        handles.append(_key(dim, table, len(part), len(part)))
    ax.set(xlabel="birth", ylabel="death", aspect="equal")
    ax.set_xlim(below - margin / 2, above + margin / 2)
    ax.set_ylim(below - margin / 2, above + margin / 2)
    _legend(ax, handles)
    _bare(ax)
    return ax


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
    table = _one_image(bars, image, dims)
    values = np.asarray(picture)
    if values.shape != table.spatial_shape:
        raise UserError(
            f"the picture has shape {values.shape}, the bars come from images of "
            f"{table.spatial_shape}; give the image that they were computed from"
        )
    low, high = _range(table)
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
        for bar in _longest_first(part, low, high):
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
        handles.append(_key(dim, table, len(features), len(drawn)))
    ax.set(xticks=[], yticks=[])
    _legend(ax, handles)
    return ax


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
    follow, in grey ink. Which matching it is, whoever made the pairs decides.

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
    low = min(_range(table)[0] for table in tables)
    high = max(_range(table)[1] for table in tables)
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
            _bars(ax, tables[side], alone, heights, _GREY, shade, (low, high))
            row += len(alone)
        if row > start:
            ticks.append(((start + row - 1) / 2 + 0.15, f"H{dim}"))
            row += 1
        handles.append(_key(dim, tables[0], len(chosen), len(drawn), what=" matched"))
    ax.set(xlabel=_value_label(tables[0]), ylim=(max(row - 1, 1), -1))
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="y", length=0)
    _set_range(ax, tables[0], low, high)
    ink = "#333333"
    handles += [
        Line2D([], [], color=ink, linewidth=3, label=labels[0]),
        Line2D([], [], color=ink, linewidth=3, alpha=0.5, label=labels[1]),
        Line2D([], [], color=_GREY, linewidth=3, label=_unmatched(tables, matched, labels)),
    ]
    _legend(ax, handles, ncols=2)
    _bare(ax, left=False)
    return ax


# Persistence is written beside the longest bars of a dimension, where it is not next to nothing.
_LABELLED, _WORTH_A_LABEL = 8, 0.05


def _one_image(bars: Barcodes[Any], image: int, dims: Sequence[int] | None) -> Barcodes[Any]:
    if not 0 <= image < bars.n_images:
        raise UserError(f"no image {image} in a batch of {bars.n_images}")
    table = bars.numpy().select([image])
    if dims is None:
        return table
    wrong = sorted(set(dims) - set(table.dims))
    if wrong:
        raise UserError(f"dimension {wrong[0]} was not computed; there are {table.dims}")
    return replace(table, dims=tuple(sorted(set(dims))))


def _range(table: Barcodes[Any]) -> tuple[float, float]:
    """Return the least and largest finite value; probabilities get the whole of 0 to 1."""
    ends = np.concatenate([table.birth, table.death]).astype(np.float64)
    ends = ends[np.isfinite(ends)]
    if ends.size == 0:
        return 0.0, 1.0
    low, high = float(ends.min()), float(ends.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _longest_first(table: Barcodes[Any], low: float, high: float) -> NDArray[np.intp]:
    return np.argsort(-table.lengths(low, high), kind="stable")


def _clip(values: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    return np.clip(values.astype(np.float64), low, high)


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
    birth, death = (_clip(column[rows], *ends) for column in (table.birth, table.death))
    ax.hlines(heights, birth, death, color=colour, alpha=shade, linewidth=2.4)
    _arrows(ax, table, rows, heights, ends, colour, shade)


def _arrows(
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


def _key(dim: int, table: Barcodes[Any], count: int, drawn: int, what: str = "") -> Line2D:
    """Return the legend's entry for a dimension: its name, and how many bars there are."""
    name = _NAMES[len(table.spatial_shape)][dim]
    longest = f", longest {drawn} drawn" if drawn < count else ""
    label = f"H{dim} {name}: {count}{what}{longest}"
    return Line2D([], [], color=COLOURS[dim], linewidth=3, label=label)


def _value_label(table: Barcodes[Any]) -> str:
    return f"value ({table.topology.direction})"


def _set_range(ax: Axes, table: Barcodes[Any], low: float, high: float) -> None:
    margin = 0.02 * (high - low)
    ends = (low - margin, high + margin)
    # read from left to right as the threshold moves: features are born before they die
    ax.set_xlim(*(ends[::-1] if table.topology.superlevel else ends))


def _bar_width(count: int) -> float:
    return 3.0 if count <= 20 else 2.0 if count <= 60 else 1.2


def _legend(ax: Axes, handles: Sequence[Line2D], ncols: int = 1) -> None:
    """Set the legend above the axes, where it hides nothing."""
    ax.legend(
        handles=list(handles), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=ncols,
        frameon=False, fontsize=9, borderaxespad=0.2,
    )  # fmt: skip


def _bare(ax: Axes, *, left: bool = True) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["left"].set_visible(left)
