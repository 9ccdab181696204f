"""The figures about all cases: quality, difference to the own base, and time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from topoeval.metrics import Metric
from topoeval.report.drawing import (
    INK,
    PARTS_COLOURS,
    Drawing,
    Look,
    entitle,
    grid,
    looks,
    plotting,
    to_svg,
)
from topoeval.report.row import MethodRow
from topoeval.report.scored import BETTI_ERROR, DICE, OWN
from topoeval.report.summary import Summary
from topoeval.results.rows import PARTS

_WIDTH, _ROW_HEIGHT = 8.4, 0.34
_MS = 1e3
_BETTERED = "#9aa0a6"

Looks = Mapping[str, Look]


def draw_overview(summary: Summary) -> list[Drawing]:
    """Draw the figures that set datasets side by side, as far as the rows have values."""
    look = method_looks(summary)
    fronts = (pareto(summary, look, letter) for letter in summary.machines)
    drawings = (dice_against_betti(summary, look), *fronts)
    return [drawing for drawing in drawings if drawing is not None]


def draw_dataset(summary: Summary, look: Looks, name: str) -> list[Drawing]:
    """Draw the figures of one dataset.

    Parameters
    ----------
    summary
        What `Summary.only` returns.
    look
        What `method_looks` returns for the whole suite, so that colours stay.
    name
        Appended to the names of the files.
    """
    times = (time_per_step(summary, letter, name) for letter in summary.machines)
    drawings = (forest(summary, look, name), *times)
    return [drawing for drawing in drawings if drawing is not None]


def method_looks(summary: Summary) -> Looks:
    """Return colour and mark of each method, the same in every figure."""
    starts = frozenset(row.arm for row in summary.rows if row.role == "start")
    return looks(summary.arms, starts)


def dice_against_betti(summary: Summary, look: Looks) -> Drawing | None:
    """Draw overlap against topology: one panel per dataset, one mark per method."""
    rows_of = _rows_where(summary, _has_both)
    if not rows_of:
        return None
    name = "dice-against-betti-accuracy"
    n_rows, n_columns = _panels(len(rows_of))
    title = _spread_title(rows_of)
    with plotting(name):
        figure = Figure(
            figsize=(_WIDTH, (3.5 if n_columns < 3 else 2.8) * n_rows), layout="constrained"
        )
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, (dataset, rows) in zip(panels, rows_of.items(), strict=False):
            for row in rows:
                _point(axes, row, look[row.arm])
            _cut(axes, rows)
            axes.set(title=dataset, xlabel=f"{DICE.title} →", ylabel=f"{OWN.title} →")
            grid(axes)
        for axes in panels[len(rows_of) :]:
            axes.set_visible(False)
        titles = {row.arm: row.title for rows in rows_of.values() for row in rows}
        handles = [_key(look[arm], titles[arm]) for arm in look if arm in titles]
        entitle(figure, title, _footer(summary, rows_of), handles, ncols=2)
        svg = to_svg(figure)
    caption = (
        "Large marks are means over seeds, bars their 95 % intervals in both directions; small "
        "marks are single seeds, each a mean over its test cases. The panels are cut to the seeds: "
        "a bar that reaches an edge goes on beyond it. Up and right is better."
    )
    return Drawing(name, title, caption, svg)


def forest(summary: Summary, look: Looks, name: str) -> Drawing | None:
    """Draw the paired difference of Betti accuracy to the own base, with intervals."""
    rows_of = _rows_where(summary, lambda row: row.differences[OWN.name].measured)
    if not rows_of:
        return None
    name = f"difference-to-base-{name}"
    rows = [row for rows in rows_of.values() for row in rows]
    apart = sum(_decided(summary, row) for row in rows)
    title = (
        f"{apart} of {len(rows)} differences in Betti accuracy to the own base "
        f"{'is' if apart == 1 else 'are'} decided"
    )
    with plotting(name):
        figure, panels = _strips([len(rows) for rows in rows_of.values()])
        for axes, (dataset, rows) in zip(panels, rows_of.items(), strict=True):
            _intervals(axes, summary, rows, look)
            axes.set_title(dataset)
        panels[-1].set_xlabel("Betti accuracy minus that of the own base (right is better)")
        entitle(figure, title, _footer(summary, rows_of))
        svg = to_svg(figure)
    caption = (
        "Differences to the own base inside the same seed and case: mean and 95 % interval over "
        "seeds and cases. A filled mark says that the difference is decided at 5 % after Holm's "
        "correction over these methods, a hollow one that it is not."
    )
    return Drawing(name, title, caption, svg)


def time_per_step(summary: Summary, letter: str, name: str) -> Drawing | None:
    """Draw where the time of a step goes on one machine: one panel per dataset."""
    rows_of = _rows_where(summary, lambda row: row.times[letter].step.measured)
    if not rows_of:
        return None
    several = len(summary.machines) > 1
    name = f"time-per-step-{name}{f'-{letter.lower()}' if several else ''}"
    title = _time_title([row for rows in rows_of.values() for row in rows], letter)
    with plotting(name):
        figure, panels = _strips([len(rows) for rows in rows_of.values()])
        for axes, (dataset, rows) in zip(panels, rows_of.items(), strict=True):
            _stack(axes, rows, letter)
            axes.set_title(dataset)
        panels[-1].set_xlabel("milliseconds per optimiser step (left is better)")
        handles = [Patch(facecolor=PARTS_COLOURS[part], label=part) for part in PARTS]
        footer = _footer(summary, rows_of, letter)
        entitle(figure, title, footer, handles, ncols=len(handles))
        svg = to_svg(figure)
    caption = (
        "Means over seeds. Methods that take no optimiser steps are not shown; "
        "their time per test case stands in the table."
    )
    return Drawing(name, title, caption, svg)


def pareto(summary: Summary, look: Looks, letter: str) -> Drawing | None:
    """Draw topology against time: what is not bettered in both is joined and named."""
    rows_of = _rows_where(
        summary,
        lambda row: (
            row.role != "start"
            and row.times[letter].chain.mean > 0
            and row.estimates[BETTI_ERROR.name].measured
        ),
    )
    if not rows_of:
        return None
    name = "betti-error-against-time"
    if len(summary.machines) > 1:
        name = f"{name}-{letter.lower()}"
    n_rows, n_columns = _panels(len(rows_of))
    fronts = {dataset: front(rows, letter) for dataset, rows in rows_of.items()}
    best = sum(map(len, fronts.values()))
    title = (
        f"{best} of {sum(map(len, rows_of.values()))} results are not bettered in Betti error "
        "and time at once"
    )
    with plotting(name):
        figure = Figure(
            figsize=(_WIDTH, (3.5 if n_columns < 3 else 2.8) * n_rows), layout="constrained"
        )
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, (dataset, rows) in zip(panels, rows_of.items(), strict=False):
            _trade(axes, rows, fronts[dataset], look, letter)
            axes.set_title(dataset)
        for axes in panels[len(rows_of) :]:
            axes.set_visible(False)
        arms = {row.arm: row.title for rows in fronts.values() for row in rows}
        handles = [_key(look[arm], arms[arm]) for arm in look if arm in arms]
        entitle(figure, title, _footer(summary, rows_of, letter), handles, ncols=2)
        svg = to_svg(figure)
    caption = (
        "Down and left is better. Time is the wall time of a run and of the runs it builds on, "
        "the common start aside: training and test, or the adaptation of all test cases. "
        "Coloured marks, joined, are those whose means no other method betters in both; grey "
        "ones are bettered. Bars are 95 % intervals over seeds and cases: where they "
        "overlap, the front is not settled."
    )
    return Drawing(name, title, caption, svg)


def front(rows: Sequence[MethodRow], letter: str) -> list[MethodRow]:
    """Return the rows that no other betters in Betti error and time, fastest first."""
    points = sorted(
        (row.times[letter].chain.mean, row.estimates[BETTI_ERROR.name].mean, row.arm, row)
        for row in rows
    )
    chosen: list[MethodRow] = []
    lowest = math.inf
    for _, error, _, row in points:
        if error < lowest:
            chosen.append(row)
            lowest = error
    return chosen


def _panels(count: int) -> tuple[int, int]:
    """Return rows and columns of small multiples."""
    columns = min(count, 2 if count in (2, 4) else 3)
    return math.ceil(count / columns), columns


def _rows_where(summary: Summary, holds: Callable[[MethodRow], bool]) -> dict[str, list[MethodRow]]:
    found = {dataset: [r for r in summary.of(dataset) if holds(r)] for dataset in summary.datasets}
    return {dataset: rows for dataset, rows in found.items() if rows}


def _has_both(row: MethodRow) -> bool:
    return row.estimates[DICE.name].measured and row.estimates[OWN.name].measured


def _strips(counts: Sequence[int]) -> tuple[Figure, Sequence[Axes]]:
    """Stack panels of horizontal rows, each as high as its number of rows."""
    height = 0.5 + sum(_ROW_HEIGHT * count + 0.4 for count in counts)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    panels = figure.subplots(
        len(counts),
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": [count + 0.6 for count in counts]},
    )
    return figure, list(panels[:, 0])


def _footer(summary: Summary, rows_of: Mapping[str, Sequence[MethodRow]], letter: str = "") -> str:
    return "\n".join(summary.conventions(list(rows_of), letter))


def _point(axes: Axes, row: MethodRow, look: Look) -> None:
    x, y = row.estimates[DICE.name], row.estimates[OWN.name]
    colour, mark = look.colour, look.mark
    seeds = row.per_seed[[DICE.name, OWN.name]].dropna()
    axes.plot(seeds[DICE.name], seeds[OWN.name], mark, color=colour, markersize=4, alpha=0.45)
    if x.has_interval and y.has_interval:
        axes.plot([x.low, x.high], [y.mean, y.mean], color=colour, linewidth=1.3, alpha=0.8)
        axes.plot([x.mean, x.mean], [y.low, y.high], color=colour, linewidth=1.3, alpha=0.8)
    axes.plot(x.mean, y.mean, mark, color=colour, markersize=9, markeredgecolor=INK)


def _trade(
    axes: Axes, rows: Sequence[MethodRow], best: Sequence[MethodRow], look: Looks, letter: str
) -> None:
    chosen = {row.arm for row in best}
    for row in sorted(rows, key=lambda row: row.arm in chosen):
        x, y = row.times[letter].chain, row.estimates[BETTI_ERROR.name]
        leads = row.arm in chosen
        colour = look[row.arm].colour if leads else _BETTERED
        if y.has_interval:
            axes.plot([x.mean, x.mean], [y.low, y.high], color=colour, linewidth=1.2, alpha=0.7)
        if leads:
            mark = look[row.arm].mark
            axes.plot(x.mean, y.mean, mark, color=colour, markersize=9, markeredgecolor=INK)
        else:
            axes.plot(x.mean, y.mean, "o", color=colour, markersize=5)
    corners = [(row.times[letter].chain.mean, row.estimates[BETTI_ERROR.name].mean) for row in best]
    axes.step(
        *zip(*corners, strict=True), where="post", color=INK, linewidth=1, alpha=0.5, zorder=1
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="← seconds, log scale", ylabel=f"← {BETTI_ERROR.title}")
    axes.set_ylim(bottom=0)
    grid(axes)


def _cut(axes: Axes, rows: Sequence[MethodRow]) -> None:
    """Frame the seeds: with two seeds the intervals alone would fill the whole range."""
    for measure, limit in ((DICE, axes.set_xlim), (OWN, axes.set_ylim)):
        low = min(float(row.per_seed[measure.name].min()) for row in rows)
        high = max(float(row.per_seed[measure.name].max()) for row in rows)
        margin = max(0.3 * (high - low), 0.01)
        limit(max(low - margin, measure.low - 0.02), min(high + margin, measure.high + 0.02))


def _key(look: Look, title: str) -> Line2D:
    return Line2D(
        [], [], color=look.colour, marker=look.mark, linestyle="", markeredgecolor=INK, label=title
    )


def _decided(summary: Summary, row: MethodRow) -> bool:
    one = summary.standings[row.dataset][OWN.name].against_bases[row.arm]
    return one.better or one.worse


def _intervals(axes: Axes, summary: Summary, rows: Sequence[MethodRow], look: Looks) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    for y, row in enumerate(rows):
        estimate, colour = row.differences[OWN.name], look[row.arm].colour
        if estimate.has_interval:
            axes.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=2.2)
        axes.plot(
            estimate.mean,
            y,
            look[row.arm].mark,
            markersize=8.5,
            markeredgecolor=colour,
            markeredgewidth=1.8,
            markerfacecolor=colour if _decided(summary, row) else "#ffffff",
        )
        axes.annotate(
            estimate.text(OWN.digits, signed=True),
            (1.01, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
        )
    _name_rows(axes, rows)
    grid(axes, "x")


def _stack(axes: Axes, rows: Sequence[MethodRow], letter: str) -> None:
    ends = np.zeros(len(rows))
    for part in PARTS:
        widths = np.array([row.times[letter].parts[part].mean * _MS for row in rows])
        colour = PARTS_COLOURS[part]
        axes.barh(range(len(rows)), widths, left=ends, height=0.66, color=colour, linewidth=0)
        ends += widths
    for y, (row, end) in enumerate(zip(rows, ends, strict=True)):
        axes.annotate(
            row.times[letter].step.scaled(_MS).value(1),
            (end, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    _name_rows(axes, rows)
    grid(axes, "x")


def _name_rows(axes: Axes, rows: Sequence[MethodRow]) -> None:
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _spread_title(rows_of: dict[str, list[MethodRow]]) -> str:
    """Compare how far apart the methods are in overlap and in topology."""
    spreads = {
        measure: max(_spread(rows, measure) for rows in rows_of.values()) for measure in (DICE, OWN)
    }
    return (
        f"Mean Dice differs by up to {spreads[DICE]:.3f} between methods, "
        f"Betti accuracy by up to {spreads[OWN]:.3f}"
    )


def _spread(rows: Sequence[MethodRow], measure: Metric) -> float:
    means = [row.estimates[measure.name].mean for row in rows if row.role != "start"]
    return max(means) - min(means) if means else 0.0


def _time_title(rows: Sequence[MethodRow], letter: str) -> str:
    def share(row: MethodRow) -> float:
        times = row.times[letter]
        return times.parts["persistence"].mean / times.step.mean if times.step.mean else 0.0

    row = max(rows, key=share)
    if not share(row):
        return "No method spends time on persistence"
    return f"Persistence takes up to {share(row):.0%} of a step ({row.title})"
