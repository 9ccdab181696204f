"""What the searches of a suite found: Betti error against Dice over the weights of each loss.

    python bench/weights.py results/board-2d/tuned/tuning --draw weights.png

prints a table of all trials from the records that `topoeval tune` left (``METHOD.json``), means
over validation images and seeds of the search, and draws those methods whose own parameter was
searched, learning rates left aside: a curve a method, a point a value, from small to large.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

RATE = "training.learning_rate"
CONTROLS = "arm_"


@dataclass(frozen=True, slots=True)
class Curve:
    """The trials of one method on one dataset by the value of its first parameter."""

    dataset: str
    method: str
    parameter: str
    points: tuple[tuple[float, float, float], ...]
    """Value, Dice and Betti error, in the order of the values."""
    chosen: float | None
    own: float
    enough: float | None
    """The Dice that a choice must have."""


def main() -> None:
    """Print the trials and draw the curves of a folder of searches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tuning", type=Path, help="the folder 'tuning' in a results folder")
    parser.add_argument("--draw", type=Path, help="where to draw the curves")
    parser.add_argument("--dataset", help="of this dataset alone; needed to draw if there are more")
    chosen = parser.parse_args()
    found = curves(chosen.tuning)
    if chosen.dataset:
        found = [one for one in found if one.dataset == chosen.dataset]
    if not found:
        raise SystemExit(f"{chosen.tuning}: no search is recorded here; topoeval tune makes one")
    names = list(dict.fromkeys(one.dataset for one in found))
    if chosen.draw and len(names) > 1:
        raise SystemExit(f"choose what to draw by --dataset: {', '.join(names)}")
    for name in names:
        print(f"### {name}\n\n{table([one for one in found if one.dataset == name])}\n")
    if chosen.draw:
        draw(found, chosen.draw)


def curves(folder: Path) -> list[Curve]:
    """Return all searches that a folder holds; trials that failed are left out."""
    found = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        for one in record["datasets"]:
            if not one["trials"]:
                continue
            parameter = next(iter(one["trials"][0]["values"]))
            points = tuple(
                (trial["values"][parameter], trial["dice"], trial["betti_error"])
                for trial in one["trials"]
                if trial["dice"] is not None
            )
            place = one["chosen"]
            found.append(
                Curve(
                    dataset=one["name"],
                    method=record["method"],
                    parameter=parameter,
                    points=tuple(sorted(points)),
                    chosen=None if place is None else one["trials"][place]["values"][parameter],
                    own=one["trials"][0]["values"][parameter],
                    enough=one["enough_dice"],
                )
            )
    return found


def table(found: Sequence[Curve]) -> str:
    """Return the trials of one dataset as Markdown: the method's own value _so_, chosen **so**."""
    most = max(len(one.points) for one in found)
    lines = [
        f"| method | parameter | value: Betti error (Dice) |{' |' * (most - 1)}",
        "|---" * (most + 2) + "|",
    ]
    for one in found:
        cells = []
        for value, dice, error in one.points:
            text = f"{value:g}: {error:.3f} ({dice:.4f})"
            text = f"_{text}_" if value == one.own else text
            cells.append(f"**{text}**" if value == one.chosen else text)
        cells += [""] * (most - len(cells))
        lines.append(f"| {one.method} | {one.parameter} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: Sequence[Curve], path: Path) -> None:
    """Draw Betti error against Dice, a curve a method; a ring marks the chosen value."""
    shown = [one for one in found if one.parameter != RATE and not one.method.startswith(CONTROLS)]
    best = min(error for one in shown for _, _, error in one.points)
    plain = next(one for one in found if one.method == "dice")
    own = next(point for point in plain.points if point[0] == plain.own)
    figure, axes = plt.subplots(figsize=(9, 5.2), layout="constrained")
    colours = mpl.colormaps["tab20"](range(20))
    for i, one in enumerate(shown):
        _, dices, errors = zip(*one.points, strict=True)
        colour, dash = colours[i % 20], "-" if i < 20 else "--"
        axes.plot(dices, errors, marker=".", color=colour, linestyle=dash, label=one.method, lw=1)
        for value, dice, error in one.points:
            if value == one.chosen:
                axes.plot(dice, error, "o", mfc="none", mec=colour, ms=9)
    axes.plot(own[1], own[2], "k*", ms=11, label="Dice alone")
    bar = plain.enough
    if bar is not None:
        axes.axvline(bar, color="0.5", lw=1, ls=":")
        axes.text(bar, 0.96 * best, " allowed", va="bottom", fontsize=8, color="0.4")
    axes.set_ylim(0.95 * best, 1.6 * own[2])
    axes.set_xlabel("Dice on validation images")
    axes.set_ylabel("Betti error on validation images")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
