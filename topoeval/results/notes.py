"""What a reader must know about the records of a table: mixed code or threads, what is out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

import pandas as pd

from topoeval.records.files import DamagedRecordError


def code_versions(runs: pd.DataFrame) -> pd.Series:
    """Count runs by the version and commit of the code that made them, most first."""
    names = (runs["version"] + " " + runs["commit"]).str.strip().replace("", "unknown")
    return (
        names.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    )


def mixed_code(runs: pd.DataFrame) -> str | None:
    """Return a warning if runs of one table were made by several versions of the code, else None.

    A changed checkout (``-dirty``) is a version that nobody can get back, so it is warned of too.
    """
    counts = code_versions(runs)
    # Two runs of one changed checkout need not have had the same changes.
    dirty = [name for name in counts.index if name.endswith("-dirty")]
    if len(counts) < 2 and not dirty:
        return None
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    if len(counts) < 2:
        return f"Made from a checkout with changes that were not committed: {listed}."
    return f"Runs of {len(counts)} versions of the code share this table: {listed}."


def mixed_threads(runs: pd.DataFrame) -> str | None:
    """Return a warning if runs of one table had different numbers of threads, else None.

    Sums over other numbers of threads are formed in another order, so scores of equal settings may
    differ in their last digits, and trainings drift apart from there.
    """
    counts = runs["threads"].dropna().astype(int).value_counts().sort_index()
    if len(counts) < 2:
        return None
    listed = ", ".join(f"{threads} ({count})" for threads, count in counts.items())
    return f"Records of mixed thread counts share this table, runs by torch threads: {listed}."


def metric_notes(metrics: Iterable[Mapping[str, int | str]], known: Container[str]) -> list[str]:
    """Return lines on columns that no metric here explains, or that several revisions scored.

    Parameters
    ----------
    metrics
        Of each record by which revision, or by which code, each of its columns was scored.
    known
        The columns that have a metric here.
    """
    made_by: dict[str, Counter[str]] = {}
    for one in metrics:
        for column, revision in one.items():
            made_by.setdefault(column, Counter())[str(revision)] += 1
    lines = []
    if unknown := sorted(column for column in made_by if column not in known):
        lines.append(
            f"Not in this table: {', '.join(unknown)}, of metrics that are not loaded here; "
            "name their plug-in by --plugin."
        )
    for column, counts in sorted(made_by.items()):
        if len(counts) > 1:
            listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
            lines.append(
                f"{column} was scored by several revisions of its metric, runs by revision: "
                f"{listed}; topoeval rescore makes them one."
            )
    return lines


def old_code(runs: pd.DataFrame) -> list[str]:
    """Return a line for each arm of the old code.

    Parameters
    ----------
    runs
        Those of the old code, with the column ``old_code``.
    """
    lines = []
    for (dataset, title, code), group in runs.groupby(["dataset", "title", "old_code"]):
        seeds = group["seed"].nunique()
        lines.append(
            f"Of the old code, not in this table: {title} on {dataset}, "
            f"{seeds} seed{'' if seeds == 1 else 's'}, made by {code}."
        )
    return lines


def set_aside(damaged: Sequence[DamagedRecordError]) -> list[str]:
    """Return a line for each damaged record."""
    return [
        f"Set aside, not in this table: record {error.path.name}, {error.problem}."
        for error in damaged
    ]
