"""What the suites `repair-*` found: the tables of docs/repair.md, from their records alone.

    python bench/repairs.py results/repair-*

prints for each dataset a row an arm: in how many images the prior is met, accuracy (all Betti
numbers are the true mask's), Dice and Betti matching error, and the differences of the last three
to post-processing with the Betti prior: of arms that correct one answer to that of one answer, of
arms that correct the mean over flips also to post-processing that has the same mean. Differences
are paired by seed and image, with 95 % intervals over both (`topoeval.statistics`). Only seeds that
both arms have count; with fewer than five there is no interval.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from topoeval.records.files import read_record, record_files
from topoeval.records.record import Record
from topoeval.statistics import crossed_interval

POST = "betti_prior_post"
POST_FLIPS = "betti_prior_post[flips=true]"
MET = "matches_prior"
SCORES = {
    "matches_truth": ("accuracy", 3),
    "dice": ("Dice", 4),
    "betti_matching_union": ("matching error", 3),
}
_START = "start"

Scores = dict[str, dict[int, dict[str, NDArray[np.float64]]]]
"""By label of an arm, seed and column: the scores of the cases."""


def main() -> None:
    """Print the tables of results folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    for folder in parser.parse_args().results:
        records = [read_record(path) for path in record_files(folder / "records")]
        for dataset, arms in by_dataset(records).items():
            print(f"### `{folder.name}`: {dataset}\n\n{table(arms)}\n")


def by_dataset(records: list[Record]) -> dict[str, Scores]:
    """Return the scores of all runs that have a result, common starts aside."""
    found: dict[str, Scores] = defaultdict(lambda: defaultdict(dict))
    for one in records:
        if one.ok and one.spec.is_scored and one.spec.method.role != _START:
            columns = {name: np.asarray(one.cases[name], float) for name in (MET, *SCORES)}
            found[one.spec.dataset.label][one.spec.method.label][one.spec.seed] = columns
    return {dataset: dict(arms) for dataset, arms in sorted(found.items())}


def table(arms: Scores) -> str:
    """Return the table of one dataset as Markdown, arms in the order of their labels."""
    averaged = POST_FLIPS in arms
    heads = ["arm", "prior met", *(title for title, _ in SCORES.values())]
    heads += [f"{title}, less post-processing" for title, _ in SCORES.values()]
    if averaged:
        heads += [f"{title}, less that of flips" for title, _ in SCORES.values()]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for label, runs in sorted(arms.items()):
        met = np.concatenate([run[MET] for run in runs.values()])
        cells = [f"`{label}`", f"{int(met.sum())} of {len(met)}"]
        for name, (_, digits) in SCORES.items():
            cells.append(f"{np.mean([run[name].mean() for run in runs.values()]):.{digits}f}")
        cells += differences(runs, arms.get(POST, {}), same=label == POST)
        if averaged:
            flips = "flips" in label
            cells += differences(runs, arms[POST_FLIPS] if flips else {}, same=label == POST_FLIPS)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(
    runs: Mapping[int, Mapping[str, NDArray[np.float64]]],
    others: Mapping[int, Mapping[str, NDArray[np.float64]]],
    *,
    same: bool = False,
) -> list[str]:
    """Return the differences of an arm to another one as texts, a dash where there are none."""
    seeds = sorted(runs.keys() & others.keys())
    if same or not seeds:
        return ["" for _ in SCORES]
    texts = []
    for name, (_, digits) in SCORES.items():
        grid = np.stack([runs[seed][name] - others[seed][name] for seed in seeds])
        texts.append(crossed_interval([grid]).text(digits, signed=True))
    return texts


if __name__ == "__main__":
    main()
