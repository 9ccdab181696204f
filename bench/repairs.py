"""What the suites `repair-*` found: the tables of docs/repair.md, from their records alone.

    python bench/repairs.py results/repair-*

prints a table of all arms and datasets: accuracy (all Betti numbers are the true mask's), Dice and
Betti matching error, and in how many images the prior is met. Then, for each of the three, the
differences of corrections to post-processing with the Betti prior and, where both correct or are
the mean over mirrored or shifted views, to post-processing that has that mean; then of what has
shifts to what has flips. Differences are paired by seed and image, with 95 % intervals over both,
crossed (`topoeval.statistics`), each for itself; only seeds that both arms have count, and with
fewer than five there is no interval.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from topoeval.records.files import read_record, record_files
from topoeval.records.record import Record
from topoeval.statistics import NOTHING, crossed_interval

POST, POST_FLIPS = "betti_prior_post", "betti_prior_post[flips=true]"
POST_SHIFTS = "betti_prior_post[shifts=true]"
POST_SHIFTS_EDIT = "betti_prior_post_edit[shifts=true]"
CORRECTIONS = (
    "edit",
    "edit[settle=true]",
    "betti_prior_post_edit",
    "keep_and_fill",
    "threshold_for_prior",
)
OF_FLIPS = (
    "mean_of_flips",
    "edit[flips=true]",
    "edit[flips=true, settle=true]",
    "keep_and_fill[flips=true]",
    "threshold_for_prior[flips=true]",
)
OF_SHIFTS = (
    "mean_of_shifts",
    "edit[shifts=true]",
    "edit[settle=true, shifts=true]",
)
COMPARISONS = (
    *((one, POST) for one in (*CORRECTIONS, *OF_FLIPS, *OF_SHIFTS, POST_SHIFTS_EDIT)),
    *((one, POST_FLIPS) for one in OF_FLIPS),
    *((one, POST_SHIFTS) for one in (*OF_SHIFTS, POST_SHIFTS_EDIT)),
    *zip((*OF_SHIFTS, POST_SHIFTS), (*OF_FLIPS[:3], POST_FLIPS), strict=True),
)
MET = "matches_prior"
SCORES = {
    "matches_truth": ("Accuracy", 3),
    "dice": ("Dice", 4),
    "betti_matching_union": ("Betti matching error", 3),
}

Runs = Mapping[int, Mapping[str, NDArray[np.float64]]]
"""By seed and column: the scores of the cases."""
Arms = Mapping[str, Runs]
"""By label of an arm."""


def main() -> None:
    """Print the tables of results folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    folders = parser.parse_args().results
    paths = [path for folder in folders for path in record_files(folder / "records")]
    datasets = by_dataset([read_record(path) for path in paths])
    print(means(datasets))
    for column in SCORES:
        print(f"\n{differences(datasets, column)}")


def by_dataset(records: Sequence[Record]) -> dict[str, Arms]:
    """Return by dataset what its arms scored, common starts and failed runs aside."""
    found: dict[str, dict[str, dict[int, dict[str, NDArray[np.float64]]]]] = {}
    for one in records:
        spec = one.spec
        if one.ok and spec.is_scored and spec.method.role == "method":
            columns = {name: np.asarray(one.cases[name], float) for name in (MET, *SCORES)}
            arms = found.setdefault(spec.dataset.label, defaultdict(dict))
            arms[spec.method.label][spec.seed] = columns
    return dict(found)


def means(datasets: Mapping[str, Arms]) -> str:
    """Return accuracy / Dice / matching error, and where the prior is met, of each arm."""
    first = sorted({label for arms in datasets.values() for label in arms}, key=_place)
    heads = ["accuracy / Dice / matching error; prior met", *datasets]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for label in first:
        cells = [_mean(arms.get(label, {})) for arms in datasets.values()]
        lines.append(f"| {' | '.join([f'`{label}`', *cells])} |")
    return "\n".join(lines)


def differences(datasets: Mapping[str, Arms], column: str) -> str:
    """Return one score's differences of all comparisons that a dataset has, as Markdown."""
    title, digits = SCORES[column]
    heads = [f"{title}, difference", *datasets]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one, other in COMPARISONS:
        cells = [
            difference(arms.get(one, {}), arms.get(other, {}), column, digits)
            for arms in datasets.values()
        ]
        if any(cell != NOTHING for cell in cells):
            lines.append(f"| {' | '.join([f'`{one}` less `{other}`', *cells])} |")
    return "\n".join(lines)


def difference(one: Runs, other: Runs, column: str, digits: int) -> str:
    """Return the paired difference of two arms as text; a dash without a common seed."""
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        return NOTHING
    grid = np.stack([one[seed][column] - other[seed][column] for seed in seeds])
    return crossed_interval([grid]).text(digits, signed=True)


def averages(runs: Runs) -> list[float]:
    """Return the mean of each of `SCORES` over seeds of means over cases."""
    return [float(np.mean([run[name].mean() for run in runs.values()])) for name in SCORES]


def met(runs: Runs) -> tuple[int, int]:
    """Return in how many images of all seeds the prior is met, and how many there are."""
    found = [run[MET] for run in runs.values()]
    return int(sum(one.sum() for one in found)), sum(len(one) for one in found)


def _mean(runs: Runs) -> str:
    if not runs:
        return NOTHING
    scores = [
        f"{mean:.{digits}f}"
        for mean, (_, digits) in zip(averages(runs), SCORES.values(), strict=True)
    ]
    done, images = met(runs)
    return f"{' / '.join(scores)}; {done} of {images}"


def _place(label: str) -> tuple[int, str]:
    """Order networks before corrections of one answer, and those before such of means."""
    of_flips = (OF_FLIPS[0], POST_FLIPS, *OF_FLIPS[1:])
    of_shifts = (OF_SHIFTS[0], POST_SHIFTS, POST_SHIFTS_EDIT, *OF_SHIFTS[1:])
    order = (POST, *CORRECTIONS, *of_flips, *of_shifts)
    return (order.index(label) if label in order else -1, label)


if __name__ == "__main__":
    main()
