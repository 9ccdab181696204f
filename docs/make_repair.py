"""Write the tables of docs/repair.md from the records of the suites `repair-*`.

    python docs/make_repair.py

`bench/repairs.py` reads the records and says what their means and differences are; here is which of
them the page shows, and how.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))

import repairs  # noqa: E402

from topoeval.records.files import read_record, record_files  # noqa: E402

PAGE = ROOT / "docs" / "repair.md"
BEGIN = "<!-- records of {}: written by docs/make_repair.py, never by hand -->\n"
END = "<!-- /records of {} -->\n"

IMAGES = {
    "myocardium, hard": "cardiac[difficulty=hard, side=64]",
    "strokes": "strokes[lines=8]",
    "digits": "digits[lines=8]",
    "MNIST": "mnist[lines=8]",
    "Sunnybrook": "sunnybrook[crop=96, prior=measured]",
    "myocardium, medium": "cardiac[difficulty=medium, side=64]",
    "roads": "network[difficulty=medium, side=64]",
    "mortar": "topomortar[labels=accurate, prior=measured, shrink=4]",
}
"""Columns: those that width and radius were chosen on, then those that decided nothing."""

VOLUMES = {
    "placenta": "placenta[difficulty=hard, side=32]",
    "vessels": "vessels[clutter=0.03, contrast=0.5, depth=2, fade=0.3, loops=2, noise=0.05, "
    "radius=2.6, side=40]",
}

GROUPS = {"images": IMAGES, "volumes": VOLUMES}

NETWORKS = ("dice_ce", "cross_entropy", "dice")
"""What the corrections begin with: a dataset has one of them."""

POST = "post-processing"
ARMS = {
    POST: "betti_prior_post",
    "`edit`": "edit",
    "`edit[settle=true]`": "edit[settle=true]",
    f"{POST}, then `edit`": "betti_prior_post_edit",
    "`keep_and_fill`": "keep_and_fill",
    "`threshold_for_prior`": "threshold_for_prior",
    "flips": "mean_of_flips",
    f"flips, {POST}": "betti_prior_post[flips=true]",
    "flips, `edit`": "edit[flips=true]",
    "flips, `edit[settle=true]`": "edit[flips=true, settle=true]",
    "flips, `keep_and_fill`": "keep_and_fill[flips=true]",
    "flips, `threshold_for_prior`": "threshold_for_prior[flips=true]",
    "shifts": "mean_of_shifts",
    f"shifts, {POST}": "betti_prior_post[shifts=true]",
    f"shifts, {POST}, then `edit`": "betti_prior_post_edit[shifts=true]",
    "shifts, `edit`": "edit[shifts=true]",
    "shifts, `edit[settle=true]`": "edit[settle=true, shifts=true]",
}
"""Rows, and the methods of the suites that they are."""

EDITED, SETTLED = "`edit`", "`edit[settle=true]`"
DICE = (
    (EDITED, POST),
    (SETTLED, POST),
    (f"flips, {EDITED}", POST),
    (f"flips, {SETTLED}", POST),
    (f"flips, {EDITED}", f"flips, {POST}"),
    (f"flips, {SETTLED}", f"flips, {POST}"),
    (f"shifts, {EDITED}", POST),
    (f"shifts, {SETTLED}", POST),
    (f"shifts, {EDITED}", f"shifts, {POST}"),
    (f"shifts, {SETTLED}", f"shifts, {POST}"),
    (f"shifts, {EDITED}", f"flips, {EDITED}"),
    (f"{POST}, then {EDITED}", POST),
    (f"shifts, {POST}, then {EDITED}", POST),
    (f"shifts, {POST}, then {EDITED}", f"shifts, {POST}"),
    (f"shifts, {POST}, then {EDITED}", f"shifts, {EDITED}"),
)
MATCHING = tuple(pair for pair in DICE if not any(SETTLED in title for title in pair))
"""Which is less which."""


def load() -> dict[str, repairs.Arms]:
    """Return the committed runs by label of their dataset."""
    folders = sorted((ROOT / "results").glob("repair-*"))
    paths = [path for folder in folders for path in record_files(folder / "records")]
    return repairs.by_dataset([read_record(path) for path in paths])


def tables(datasets: dict[str, repairs.Arms]) -> str:
    """Return all that stands between two marks."""
    parts = [
        "\n".join(_means(datasets)),
        _met(datasets),
        "\n".join(_differences(datasets, "Dice", "dice", DICE)),
        "\n".join(_differences(datasets, "Matching error", "betti_matching_union", MATCHING)),
    ]
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """Return docs/repair.md with its tables as the records have them."""
    text = PAGE.read_text(encoding="utf-8")
    found = load()
    for group, labels in GROUPS.items():
        begin, end = BEGIN.format(group), END.format(group)
        before, rest = text.split(begin)
        _, after = rest.split(end)
        datasets = {title: found[label] for title, label in labels.items()}
        text = before + begin + "\n" + tables(datasets) + "\n" + end + after
    return text


def _means(datasets: dict[str, repairs.Arms]) -> Iterator[str]:
    heads = []
    for title, arms in datasets.items():
        runs = arms[ARMS[POST]]
        heads.append(f"{title} ({len(runs)} x {len(next(iter(runs.values()))['dice'])})")
    yield _row("", heads)
    yield "|---" * (len(heads) + 1) + "|"
    yield _row("network", [_mean(_network(arms)) for arms in datasets.values()])
    for title, label in ARMS.items():
        cells = [_mean(arms.get(label, {})) for arms in datasets.values()]
        if any(cells):
            yield _row(title, cells)


def _network(arms: repairs.Arms) -> repairs.Runs:
    (label,) = arms.keys() & set(NETWORKS)
    return arms[label]


def _mean(runs: repairs.Runs) -> str:
    if not runs:
        return ""
    accuracy, dice, matching = repairs.averages(runs)
    digits = 1 if matching >= 5 else 3
    error = f"{matching:.{digits}f}" if matching else "0"
    return _short(f"{accuracy:.3f} / {dice:.4f} / {error}")


def _met(datasets: dict[str, repairs.Arms]) -> str:
    edits = [label for label in ARMS.values() if "edit" in label]
    counts: list[list[int]] = [[], []]
    for title, arms in datasets.items():
        for label in edits:
            met, images = repairs.met(arms.get(label, {}))
            if met != images:
                raise SystemExit(f"{title}: {label} meets the prior in {met} of {images}")
        for place, label in enumerate(("edit", ARMS[POST])):
            counts[place].append(repairs.met(arms[label])[0])
    all_images, post = (f"{', '.join(map(str, found[:-1]))} and {found[-1]}" for found in counts)
    return (
        f"The prior is met in every case by every arm with an edit ({all_images}), by\n"
        f"{POST} in {post}."
    )


def _differences(
    datasets: dict[str, repairs.Arms], name: str, column: str, pairs: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    yield _row(f"{name}, difference", list(datasets))
    yield "|---" * (len(datasets) + 1) + "|"
    for one, other in pairs:
        cells = [
            _difference(arms.get(ARMS[one], {}), arms.get(ARMS[other], {}), column)
            for arms in datasets.values()
        ]
        comma = "," if "then" in one else ""
        if any(cells):
            yield _row(f"{one}{comma} less {other}", cells)


def _difference(one: repairs.Runs, other: repairs.Runs, column: str) -> str:
    digits = repairs.SCORES[column][1]
    text = repairs.difference(one, other, column, digits)
    if text == repairs.NOTHING:
        return ""
    if abs(float(text.split()[0])) >= 2:
        text = repairs.difference(one, other, column, 1)
    return _short(text)


def _short(text: str) -> str:
    return re.sub(r"(?<!\d)0\.(?=\d)", ".", text)


def _row(title: str, cells: list[str]) -> str:
    return re.sub(r"\|  (?=\|)", "| ", f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
