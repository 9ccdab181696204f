"""What methods gain over their own base in Betti error, at each recorded threshold.

A base that moves its threshold gets part of what a loss gains for nothing. So a gain is shown at
0.5 and where method and base each have the threshold that their own validation images chose. Beside
it stands the difference that the same seeds and cases could have seen: no gain below that is known
to be absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from topoeval.report.boards import DICE_BAR
from topoeval.report.drawing import INK, RIGHT, WRONG, Drawing, entitle, grid, plotting, to_svg
from topoeval.report.scored import BETTI_ERROR, DICE
from topoeval.report.summary import Summary
from topoeval.report.thresholds import NAMES
from topoeval.statistics import LEVEL, NOTHING, AgainstBase, Standings
from topoeval.statistics.crossed import crossed
from topoeval.statistics.power import least_difference

HALF, TOPOLOGY = "half", "topology"
TITLES = {"half": "0.5", "dice": "by Dice", "topology": "by topology"}
_ROW_HEIGHT, _WIDTH = 0.27, 8.4
_SAME = "#8A8A8A"


@dataclass(frozen=True, slots=True)
class Gain:
    """A method's Betti error against its own base's.

    Parameters
    ----------
    method, base
        Labels of the rows.
    at
        By the name of the threshold; less than 0 is better.
    dice
        Difference in Dice at 0.5.
    least
        Difference at 0.5 that would be separated with a chance of 80 %, in the strictest test of
        the family; NaN where the method does what its base does.
    """

    method: str
    base: str
    at: dict[str, AgainstBase]
    dice: AgainstBase
    least: float

    @property
    def below_the_bar(self) -> bool:
        """Whether it pays for its topology with more Dice than the standings allow."""
        return self.dice.difference.mean < -DICE_BAR

    @property
    def verdict(self) -> str:
        """What is known at 0.5 in a word or two."""
        half = self.at[HALF]
        if half.same:
            return "as its base"
        if half.better:
            return "better" + (", costs Dice" if self.below_the_bar else "")
        return "worse" if half.worse else "not separated"


@dataclass(frozen=True, slots=True)
class Gains:
    """The gains of all methods on a dataset, the largest first.

    ``least`` is the median of what its methods' differences would have to be.
    """

    dataset: str
    lines: tuple[Gain, ...]
    seeds: int
    cases: int

    @property
    def thresholds(self) -> list[str]:
        """Names of the thresholds that every line has."""
        return [name for name in NAMES if all(name in line.at for line in self.lines)]

    @property
    def least(self) -> float:
        """Return the median of the least differences that could be seen."""
        known = [line.least for line in self.lines if np.isfinite(line.least)]
        return float(np.median(known)) if known else np.nan

    def better(self, threshold: str) -> list[str]:
        """Return the methods that are separated as better at a threshold."""
        return [line.method for line in self.lines if line.at[threshold].better]

    def worse(self, threshold: str) -> list[str]:
        """Return the methods that are separated as worse at a threshold."""
        return [line.method for line in self.lines if line.at[threshold].worse]

    @property
    def sentence(self) -> str:
        """What the dataset's numbers amount to."""
        up, down = len(self.better(HALF)), len(self.worse(HALF))
        text = (
            f"{self.dataset}: of {len(self.lines)} methods {up} have a lower Betti error than "
            f"their own base at threshold 0.5 and {down} a higher one"
        )
        if TOPOLOGY in self.thresholds:
            both = set(self.better(HALF)) & set(self.better(TOPOLOGY))
            text += (
                f"; {len(both)} of the {up} remain better where each, the base too, has the "
                "threshold that validation images chose for topology"
            )
        if np.isfinite(self.least):
            text += (
                f". {self.seeds} seeds and {self.cases} images would have seen a difference of "
                f"{self.least:.{BETTI_ERROR.digits}f} with a chance of 80 %"
            )
        return f"{text}."


def gains(summary: Summary) -> list[Gains]:
    """Return the gains on each dataset whose records have thresholds and rows with a base."""
    found = []
    for dataset in summary.datasets:
        at = {
            name: summary.at_thresholds[name][dataset]
            for name in NAMES
            if dataset in summary.at_thresholds.get(name, {})
        }
        if HALF not in at:
            continue
        half = at[HALF][BETTI_ERROR.name]
        lines = [
            Gain(
                arm,
                one.base,
                {name: found[BETTI_ERROR.name].against_bases[arm] for name, found in at.items()},
                at[HALF][DICE.name].against_bases[arm],
                _least(half, arm, one.base),
            )
            for arm, one in half.against_bases.items()
            if one.difference.has_interval
            and all(arm in found[BETTI_ERROR.name].against_bases for found in at.values())
        ]
        if lines:
            lines.sort(key=lambda line: (line.at[HALF].difference.mean, line.method))
            shape = half.found[0].values.shape
            found.append(Gains(dataset, tuple(lines), *shape[1:]))
    return found


def verdict(found: Sequence[Gains]) -> str:
    """Return in a sentence or two how many methods of each dataset are better and worse."""
    if len(found) == 1:
        return found[0].sentence
    up = [one.better(HALF) for one in found]
    counts = [
        f"{len(better)} of {len(one.lines)} on {one.dataset.partition('[')[0]}"
        for one, better in zip(found, up, strict=True)
    ]
    down = [str(len(one.worse(HALF))) for one in found]
    text = (
        "Methods with a lower Betti error than their own base at threshold 0.5: "
        f"{_listed(counts)}; with a higher one: {_listed(down)}."
    )
    if all(TOPOLOGY in one.thresholds for one in found):
        both = [
            str(len(set(better) & set(one.better(TOPOLOGY))))
            for one, better in zip(found, up, strict=True)
        ]
        text += (
            f" Of the better ones {_listed(both)} remain so where each, the base too, has the "
            "threshold that validation images chose for topology."
        )
    return text


def _listed(texts: Sequence[str]) -> str:
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def to_markdown(found: Sequence[Gains]) -> str:
    """Return the tables of all datasets, each below its sentence."""
    return "\n\n".join(_tables(found)) + "\n"


def draw_gains(found: Sequence[Gains], conventions: str) -> Drawing | None:
    """Draw all gains: a panel per dataset side by side, a row per method.

    Parameters
    ----------
    found
        What `gains` returns.
    conventions
        What stands below the figure.
    """
    if not found:
        return None
    methods = _by_mean_place(found)
    up = sum(len(one.better(HALF)) for one in found)
    total = sum(len(one.lines) for one in found)
    title = f"Gain in Betti error over the own base: {up} of {total} are separated as better at 0.5"
    with plotting("gains"):
        figure = Figure(figsize=(_WIDTH, 0.7 + _ROW_HEIGHT * len(methods)), layout="constrained")
        panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for axes, one in zip(panels, found, strict=True):
            _panel(axes, one, methods)
        panels[0].set_yticks(range(len(methods)), methods, fontsize=8.5)
        panels[0].set_ylim(len(methods) - 0.4, -0.6)
        what = "Betti error of the base minus that of the method (right is better)"
        entitle(figure, title, conventions, _legend(), ncols=2, xlabel=what)
        svg = to_svg(figure)
    caption = (
        "Betti error of the base minus that of the method, paired by seed and image; right is "
        "better. Bars are 95 % intervals at threshold 0.5, each for itself; colour says what is "
        "decided at 5 % after Holm's correction over the methods of the dataset. The small "
        "diamond is the gain where method and base each have the threshold that validation images "
        "chose for topology. The band is what these seeds and images would miss one time in five "
        "or more often. A gain that is beyond the panel stands at its edge."
    )
    return Drawing("gains", title, caption, svg)


def _least(found: Standings, arm: str, base: str) -> float:
    only = found.found[0]
    i, j = only.methods.index(arm), only.methods.index(base)
    shared = only.scored[i] & only.scored[j]
    difference = only.values[i, shared] - only.values[j, shared]
    if len(difference) < 2 or not difference.any():
        return np.nan
    family = sum(np.isfinite(one.p) for one in found.against_bases.values())
    return least_difference(crossed(difference), 1 - (1 - LEVEL) / max(family, 1))


def _tables(found: Sequence[Gains]) -> Iterator[str]:
    digits = BETTI_ERROR.digits
    for one in found:
        heads = ["Method", "Base", "At 0.5"]
        heads += [f"Betti error {TITLES[name]}" for name in one.thresholds]
        heads += ["Dice 0.5", "Could be seen"]
        lines = [one.sentence, "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for line in one.lines:
            cells = [line.method, line.base, line.verdict]
            for name in one.thresholds:
                at = line.at[name]
                mark = " ★" if at.better else " ▽" if at.worse else ""
                cells.append(at.difference.text(digits, signed=True) + mark)
            cells.append(line.dice.difference.text(DICE.digits, signed=True))
            cells.append(f"{line.least:.{digits}f}" if np.isfinite(line.least) else NOTHING)
            lines.append(f"| {' | '.join(cells)} |")
        yield "\n".join(lines)
    yield (
        "Differences of Betti error (less is better) and Dice to the own base, which has its own "
        "threshold too, paired by seed and image; 95 % intervals over seeds and images, each for "
        "itself. ★ better, ▽ worse at 5 % after Holm's correction over the methods of the dataset. "
        "Could be seen: the difference at 0.5 that a repetition would separate with a chance of "
        "80 % in the strictest of these tests."
    )


def _by_mean_place(found: Sequence[Gains]) -> list[str]:
    places: dict[str, list[float]] = {}
    for one in found:
        for place, line in enumerate(one.lines):
            places.setdefault(line.method, []).append(place / len(one.lines))
    return sorted(places, key=lambda name: (float(np.mean(places[name])), name))


def _panel(axes: Axes, one: Gains, methods: Sequence[str]) -> None:
    rows = {name: y for y, name in enumerate(methods)}
    gained = [-line.at[HALF].difference.mean for line in one.lines]
    # one that is ruined must not flatten all others
    reach = 1.35 * max(np.quantile(np.abs(gained), 0.9), 2 * (one.least if one.least > 0 else 0))
    axes.set_xlim(-reach, reach)
    if np.isfinite(one.least):
        axes.axvspan(-one.least, one.least, color=INK, alpha=0.06, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1)
    for line in one.lines:
        y, at = rows[line.method], line.at[HALF]
        colour = RIGHT if at.better else WRONG if at.worse else _SAME
        low, high = -at.difference.high, -at.difference.low
        axes.plot(
            np.clip([low, high], -reach, reach), [y, y], color=colour, linewidth=2, clip_on=False
        )
        place = float(np.clip(-at.difference.mean, -reach, reach))
        axes.plot(place, y, "o", color=colour, markersize=5.5, clip_on=False)
        if TOPOLOGY in one.thresholds:
            moved = float(np.clip(-line.at[TOPOLOGY].difference.mean, -reach, reach))
            axes.plot(
                moved, y, "D", markersize=4, markeredgecolor=INK, markerfacecolor="#ffffff",
                clip_on=False,
            )  # fmt: skip
    axes.set_title(one.dataset.partition("[")[0], fontsize=10)
    axes.tick_params(axis="x", labelsize=8)
    grid(axes, "x")


def _legend() -> list[Line2D]:
    def key(colour: str, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker="o", linewidth=2, label=label)

    diamond = Line2D(
        [], [], linestyle="none", marker="D", markeredgecolor=INK, markerfacecolor="#ffffff",
        markersize=5, label="with thresholds chosen by topology",
    )  # fmt: skip
    return [
        key(RIGHT, "better than its base"),
        key(WRONG, "worse than its base"),
        key(_SAME, "not separated"),
        diamond,
    ]
