"""Which score sees which error: known errors in known masks, and what every score answers.

    python bench/which_score.py --masks 12 --out docs/which-score

makes each kind of error of `topoeval.testing.typed_errors`, small, medium and large, once and
several times, in masks of the drawn datasets, scores each faulty mask against its own, and writes

- ``answers.csv``: a row a score, structure, kind, size and number: how many masks, in how many the
  score differs from that of a perfect mask, and its median;
- ``answers-STRUCTURE.png``: all answers, each a share of the largest that the score gave;
- ``errors.png``: what the errors look like;

and prints the tables of docs/which-score.md. Betti numbers are counted in the topology of the
dataset; scores have their default settings.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from topoeval import datasets
from topoeval.metrics import Settings, score
from topoeval.metrics.catalogue import available_columns
from topoeval.testing.typed_errors import KINDS, WHOLE, with_errors

mpl.use("agg")
import matplotlib.pyplot as plt

STRUCTURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "roads": ("network", {"side": 128, "radius": 4, "nodes": 11}),
    "vessels": ("vessels", {"side": 56, "radius": 3.5, "loops": 1, "depth": 3}),
}
"""By name: the dataset whose true masks are used, and its parameters."""
NUMBERS = (1, 2, 4)
SIZES = ("small", "medium", "large")
FULL, HALF, NEVER, NONE = "●", "◐", "·", ""
"""Signs of tables: in every mask, in some, in none; nothing to tell."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one score says of one kind, size and number of errors, over the masks."""

    structure: str
    column: str
    kind: str
    size: str
    number: int
    masks: int
    seen: int
    median: float
    moved: float
    """Median of the distance to the score of a perfect mask."""


def main() -> None:
    """Make errors, score them, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", type=int, default=12)
    parser.add_argument("--structure", choices=STRUCTURES, action="append")
    parser.add_argument("--out", type=Path, default=Path("which-score"))
    chosen = parser.parse_args()
    names = chosen.structure or list(STRUCTURES)
    found = [one for name in names for one in answers(name, chosen.masks)]
    chosen.out.mkdir(parents=True, exist_ok=True)
    write(found, chosen.out / "answers.csv")
    for name in names:
        mine = [one for one in found if one.structure == name]
        draw(mine, chosen.out / f"answers-{name}.png")
        print(f"### {name}\n\n{table(mine)}\n")
    examples(chosen.out / "errors.png")


def true_masks(structure: str, count: int) -> tuple[list[NDArray[np.bool_]], str]:
    """Return true masks of a structure, and the topology of its dataset."""
    name, params = STRUCTURES[structure]
    samples = datasets.load(name, "test", count, seed=0, **params)
    masks = [np.asarray(samples[i].target)[0] >= 0.5 for i in range(count)]
    return masks, str(datasets.info(name, **params).topology)


def cells() -> Iterator[tuple[str, int, int]]:
    """Yield kind, place of the size and number of errors; errors of the whole mask come once."""
    for kind in KINDS:
        for place in range(len(SIZES)):
            for number in NUMBERS[:1] if kind in WHOLE else NUMBERS:
                yield kind, place, number


def answers(structure: str, count: int) -> list[Answer]:
    """Return what all scores say of all errors in the masks of a structure."""
    masks, topology = true_masks(structure, count)
    settings = Settings(topology=topology)
    columns = [
        column
        for column, metric in available_columns(masks[0].ndim).items()
        if metric.direction is not None
    ]
    perfect = [score(mask, mask, settings, columns) for mask in masks]
    found = []
    for kind, place, number in cells():
        rows = []
        for i, mask in enumerate(masks):
            seed = [i, list(KINDS).index(kind), place, number]
            faulty = with_errors(
                mask,
                kind,
                np.random.default_rng(seed),
                size=KINDS[kind].sizes[place],
                number=number,
                topology=topology,
            )
            if faulty is not None:
                rows.append((score(faulty, mask, settings, columns), perfect[i]))
        for column in columns:
            values = np.array([one[column] for one, _ in rows], float)
            moved = np.abs(values - np.array([best[column] for _, best in rows], float))
            found.append(
                Answer(
                    structure,
                    column,
                    kind,
                    SIZES[place],
                    number,
                    masks=len(rows),
                    seen=int((moved > 1e-9).sum()),
                    median=float(np.median(values)) if len(rows) else float("nan"),
                    moved=float(np.median(moved)) if len(rows) else float("nan"),
                )
            )
    return found


def write(found: Sequence[Answer], path: Path) -> None:
    """Write all answers as a table."""
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([name for name in Answer.__slots__ if name != "moved"])
        for one in found:
            values = [getattr(one, name) for name in Answer.__slots__ if name != "moved"]
            out.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in values])


def table(found: Sequence[Answer]) -> str:
    """Return which score sees which kind, as Markdown; a small one alone is asked about.

    The last two columns say whether the score grows worse with the number and with the size of
    errors: the mean rank correlation over the kinds that it sees.
    """
    heads = ["score", *(kind.title for kind in KINDS.values()), "number", "size"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for column in dict.fromkeys(one.column for one in found):
        mine = [one for one in found if one.column == column]
        signs = [_sign([one for one in mine if one.kind == kind]) for kind in KINDS]
        grows = [_grows(mine, "number"), _grows(mine, "size")]
        lines.append(f"| `{column}` | {' | '.join([*signs, *grows])} |")
    return "\n".join(lines)


def _sign(mine: Sequence[Answer]) -> str:
    """Say in how many masks a small single error is seen."""
    first = next(one for one in mine if one.size == SIZES[0] and one.number == NUMBERS[0])
    if not first.masks:
        return NONE
    return NEVER if not first.seen else FULL if first.seen == first.masks else HALF


def _grows(mine: Sequence[Answer], axis: str) -> str:
    """Return the mean rank correlation of number or size with how far the score moves."""
    series: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for one in mine:
        place = SIZES.index(one.size)
        if one.seen and axis == "number":
            series[one.kind, one.size].append((one.number, one.moved))
        elif one.seen and one.number == NUMBERS[0]:
            series[one.kind, ""].append((place, one.moved))
    found = []
    for pairs in series.values():
        steps, moved = zip(*pairs, strict=True)
        if len(pairs) == 3:
            # a score that does not change at all with it has no rank
            found.append(spearmanr(steps, moved).statistic if len(set(moved)) > 1 else 0.0)
    return f"{np.mean(found):+.1f}" if found else NONE


def draw(found: Sequence[Answer], path: Path) -> None:
    """Draw all answers: a row a score, its colours shares of the largest answer that it gave."""
    columns = list(dict.fromkeys(one.column for one in found))
    places = [cell for cell in cells() if cell[2] in NUMBERS[::2]]
    image = np.full((len(columns), len(places)), np.nan)
    by_cell = {(one.column, one.kind, one.size, one.number): one for one in found}
    for i, column in enumerate(columns):
        for j, (kind, place, number) in enumerate(places):
            image[i, j] = by_cell[column, kind, SIZES[place], number].moved
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = image / np.nanmax(image, axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(11, 0.19 * len(columns) + 1.6), layout="constrained")
    shown = axes.imshow(np.nan_to_num(shares), aspect="auto", cmap="Blues", vmin=0, vmax=1)
    axes.set_yticks(range(len(columns)), columns, fontsize=7)
    marks = [
        f"{SIZES[place][0].upper()}{'' if number == 1 else f' x{number}'}"
        for _, place, number in places
    ]
    axes.set_xticks(range(len(places)), marks, fontsize=6)
    starts = [j for j, cell in enumerate(places) if j == 0 or cell[0] != places[j - 1][0]]
    for j, end in zip(starts, [*starts[1:], len(places)], strict=True):
        axes.axvline(j - 0.5, color="0.4", linewidth=0.8)
        title = KINDS[places[j][0]].title.replace(" ", "\n")
        axes.text((j + end - 1) / 2, -1, title, ha="center", va="bottom", fontsize=8)
    bar = figure.colorbar(shown, ax=axes, pad=0.01, fraction=0.02)
    bar.set_label("share of the score's largest answer", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def examples(path: Path) -> None:
    """Draw every kind of error, large, in one mask of the first structure."""
    (mask,), topology = true_masks("roads", 1)
    figure, places = plt.subplots(2, 5, figsize=(11, 4.6), layout="constrained")
    colours = np.array([[1, 1, 1], [0.78, 0.78, 0.78], [0.84, 0.15, 0.16], [0.12, 0.47, 0.71]])
    for axes, name in zip(places.flat, ["", *KINDS], strict=True):
        faulty = mask
        if name:
            kind = KINDS[name]
            made = with_errors(
                mask, name, np.random.default_rng(1), size=kind.sizes[2], topology=topology
            )
            assert made is not None, f"no place for {name}"
            faulty = made
        picture = np.where(mask, np.where(faulty, 1, 3), np.where(faulty, 2, 0))
        axes.imshow(colours[picture], interpolation="nearest")
        axes.set_title(KINDS[name].title if name else "the true mask", fontsize=9)
        axes.set_axis_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
