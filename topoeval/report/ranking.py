"""The figures of standings: critical differences, stability of the order, who beats whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from topoeval.report.drawing import INK, Drawing, entitle, plotting, to_svg
from topoeval.statistics import CriticalDifference, Stability, Standings

_WIDTH, _ROW = 8.4, 0.27
_HUE = "#0072B2"
_MOST_NUMBERS = 14
# Above and below the middle, drawn over the ground, whatever it is: right on light and on dark.
_ABOVE, _BELOW = to_rgb(_HUE), to_rgb("#D55E00")
_DEEPEST = 0.75


def draw_standings(found: Standings, title: str, name: str, footer: str) -> list[Drawing]:
    """Draw what a table of standings cannot show.

    Parameters
    ----------
    found
        Of one score.
    title
        Of the score, without its arrow.
    name
        Appended to the names of the files.
    footer
        What the figures rest on: data, topology, hardware.
    """
    drawings = [_wins(found.wins, found.table["method"], title, name, footer)]
    # A method that was not measured on every dataset has no rank to draw.
    ranked = [method for method in found.table["method"] if method in found.stability.shares.index]
    if ranked:
        drawings.insert(0, _stability(found.stability, ranked, title, name, footer))
    if found.critical_difference is not None:
        drawings.insert(0, _critical(found.critical_difference, title, name, footer))
    return drawings


def _critical(found: CriticalDifference, title: str, name: str, footer: str) -> Drawing:
    ranks = found.mean_ranks
    name = f"critical-difference-{name}"
    half = -(-len(ranks) // 2)
    with plotting(name):
        figure = Figure(
            figsize=(_WIDTH, 0.75 + 0.16 * len(found.groups) + _ROW * half), layout="constrained"
        )
        axes = figure.subplots()
        _rank_axis(axes, len(ranks), found)
        bars = _bars(axes, ranks, found.groups)
        _elbows(axes, ranks, half, bars)
        said = _critical_title(found, title)
        entitle(figure, said, f"{found.text()}.\n{footer}")
        svg = to_svg(figure)
    caption = (
        "Mean ranks over blocks of dataset and seed, left is better. A bar joins methods whose "
        "mean ranks differ by less than the critical difference: the data do not separate them."
    )
    return Drawing(name, said, caption, svg)


def _critical_title(found: CriticalDifference, title: str) -> str:
    count = len(found.mean_ranks)
    if found.p > found.alpha:
        return f"{title}: Friedman's test finds no difference among {count} methods"
    pairs = found.pairs.to_numpy()
    apart = int((pairs[np.triu_indices(count, 1)] < found.alpha).sum())
    return f"{title}: {apart} of {count * (count - 1) // 2} pairs of mean ranks lie apart"


def _rank_axis(axes: Axes, count: int, found: CriticalDifference) -> None:
    axes.set_xlim(1 - 0.02 * count, count + 0.02 * count)
    axes.xaxis.set_ticks_position("top")
    for side in ("left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.set_yticks([])
    step = 1 if count <= 12 else 5
    axes.set_xticks([1, *range(step, count + 1, step)] if step > 1 else range(1, count + 1))
    axes.set_xlabel(f"mean rank (critical difference {found.difference:.2f})")
    axes.xaxis.set_label_position("top")


def _bars(axes: Axes, ranks: pd.Series, groups: Sequence[Sequence[str]]) -> float:
    """Draw a bar per group that is no single method; return the depth they reach."""
    for depth, group in enumerate(groups):
        low, high = ranks[list(group)].min(), ranks[list(group)].max()
        y = -0.5 - 0.6 * depth
        axes.plot([low - 0.05, high + 0.05], [y, y], color=_HUE, linewidth=3.5,
                  solid_capstyle="round")  # fmt: skip
    return 0.5 + 0.6 * len(groups)


def _elbows(axes: Axes, ranks: pd.Series, half: int, depth: float) -> None:
    """Lead from each rank down to a name: the better half to the left, the others to the right."""
    low, high = axes.get_xlim()
    for place, (method, rank) in enumerate(ranks.items()):
        left = place < half
        level = place if left else len(ranks) - 1 - place
        y = -depth - 0.6 - level
        edge = low if left else high
        axes.plot([rank, rank, edge], [0, y, y], color=INK, linewidth=0.8, alpha=0.55)
        axes.plot(rank, 0, "o", color=_HUE, markersize=4, clip_on=False, zorder=3)
        axes.annotate(
            f"{method}  {rank:.2f}" if left else f"{rank:.2f}  {method}",
            (edge, y),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8.5,
        )
    axes.set_ylim(-depth - 0.6 - half, 0)


def _stability(
    found: Stability, order: Sequence[str], title: str, name: str, footer: str
) -> Drawing:
    name = f"rank-stability-{name}"
    shares = found.shares.loc[list(order)]
    first = shares.iloc[:, 0]
    said = (
        f"{title}: {first.idxmax()} is first in {first.max():.0%} of {found.resamples} resamples"
        if first.notna().any()
        else f"{title}: no order to resample"
    )
    with plotting(name):
        figure = Figure(figsize=(_WIDTH, 0.6 + _ROW * len(shares)), layout="constrained")
        axes = figure.subplots()
        _heat(axes, shares.to_numpy(dtype=float), list(shares.index))
        _number_ranks(axes, shares.shape[1])
        axes.set_xlabel("rank")
        entitle(figure, said, footer)
        svg = to_svg(figure)
    caption = (
        f"How often a method has a rank when seeds and cases are drawn again, {found.resamples} "
        f"times; the darker, the more often. {_agreement(found)}"
    )
    return Drawing(name, said, caption, svg)


def _agreement(found: Stability) -> str:
    if np.isnan(found.tau):
        return "The methods are tied throughout: there is no order to compare."
    return (
        f"Kendall's tau between the order and that of a resample is {found.tau:.2f} in the mean, "
        f"{found.low:.2f} to {found.high:.2f} in 95 % of them; 1 is the same order."
    )


def _wins(wins: pd.DataFrame, order: pd.Series, title: str, name: str, footer: str) -> Drawing:
    name = f"wins-{name}"
    methods = list(order)
    shares = wins.loc[methods, methods].to_numpy(dtype=float)
    said = f"{title}: how often the method of the row beats that of the column"
    with plotting(name):
        # Squares, but for few methods: those get the width that their numbers need.
        side = max(min(_ROW * len(methods), 5.4), 1.2)
        figure = Figure(figsize=(_WIDTH, side + 0.5), layout="constrained")
        axes = figure.subplots()
        _heat(axes, shares, methods, middle=0.5)
        axes.set_aspect("equal" if len(methods) > _MOST_NUMBERS else "auto")
        axes.xaxis.set_ticks_position("top")
        axes.tick_params(axis="x", length=0)
        _number_ranks(axes, len(methods))
        axes.set_yticks(
            range(len(methods)), [f"{method}  {i + 1}" for i, method in enumerate(methods)]
        )
        entitle(figure, said, footer)
        svg = to_svg(figure)
    caption = (
        "Shares of the cases of runs of the same seed; a tie counts half to each, so methods that "
        "agree in most cases lie near 50 %, which has no colour; blue is more, orange less."
    )
    return Drawing(name, said, caption, svg)


def _heat(
    axes: Axes, shares: NDArray[np.float64], labels: Sequence[str], middle: float = 0.0
) -> None:
    """Paint shares by their distance from the middle; what is not known is left as ground."""
    away = np.nan_to_num((shares - middle) / (1 - middle))
    # The root lets the eye tell small shares from none.
    depth = _DEEPEST * np.sqrt(np.abs(away))
    colour = np.where((away >= 0)[..., None], _ABOVE, _BELOW)
    picture = np.concatenate([colour, depth[..., None]], axis=-1)
    axes.imshow((picture * 255).round().astype(np.uint8), interpolation="none", aspect="auto")
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if shares.shape[1] > _MOST_NUMBERS:
        return
    for (y, x), share in np.ndenumerate(shares):
        if share >= 0.005:
            axes.annotate(f"{share:.0%}", (x, y), ha="center", va="center", fontsize=8)


def _number_ranks(axes: Axes, count: int) -> None:
    """Number the columns, every one where there is room."""
    chosen = range(count) if count <= _MOST_NUMBERS else [0, *range(4, count, 5)]
    axes.set_xticks(list(chosen), [str(place + 1) for place in chosen])
