"""The small print that makes a table readable: conventions, statistics, hardware, versions."""

from __future__ import annotations

from collections.abc import Sequence

from topoeval.report.row import MethodRow
from topoeval.report.summary import Summary
from topoeval.statistics import LEAST_SEEDS

_MOST_NAMES = 12


def caption_lines(
    summary: Summary, *, datasets: bool = True, base_is: str = "named in the column Base"
) -> list[str]:
    """Return the caption of a table, a statement per line.

    Parameters
    ----------
    summary
        What is shown.
    datasets
        Whether to list cases, seeds, topology, threshold, prior and network of each dataset.
    base_is
        Where the table says what each row is compared with.
    """
    lines = [f"{summary.dataset_line(name)}." for name in summary.datasets] if datasets else []
    lines += [
        "Scores are means over seeds and test cases; in brackets the 95 % interval over seeds and "
        "cases, which are crossed, cut at the range of the score. Arrows show the good direction. "
        f"With fewer than {LEAST_SEEDS} seeds the value of each seed stands in place of an "
        "interval, and there is no ★.",
        f"A difference is that of a row to its own base, {base_is}, paired by seed "
        "and case; each interval is for itself. ★ marks a score that is better than the base's: at "
        f"5 % after Holm's correction over {_family(summary)}, all runs ok.",
        "Times are means over seeds, in brackets Student's 95 % interval over seeds.",
    ]
    lines += row_notes(summary)
    lines += [f"{line}." for line in summary.machine_lines()]
    lines.append(
        "Records do not say how loaded the machine was: compare no times that are close, and "
        "none across machines."
    )
    if summary.versions:
        lines.append(f"Versions: {summary.versions}.")
    lines += summary.notes
    return lines


def row_notes(summary: Summary) -> list[str]:
    """Say which rows return exactly what their base does, lack a base, use the prior."""
    same = _by_label([row for row in summary.rows if row.same])
    lines = [f"Exactly the answers of the base: {same}."] if same else []
    told = _by_label([row for row in summary.rows if row.uses_prior_of_test])
    if told and summary.has_prior:
        lines.append(f"Told the prior of each test image (see above): {told}.")
    lines.append("Records do not say whether a search chose a method's parameters.")
    lines += [
        f"No difference for {', '.join(arms)}: the base {base!r} was not run, or is several rows."
        for base, arms in summary.missing_bases.items()
    ]
    return lines


def _family(summary: Summary) -> str:
    counts = sorted({sum(bool(r.base) for r in summary.of(name)) for name in summary.datasets})
    span = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    what = "method that has a base" if span == "1" else "methods that have a base"
    return f"the {span} {what}" + (" in the dataset" if len(summary.datasets) > 1 else "")


def _by_label(rows: Sequence[MethodRow]) -> str:
    """Name rows once, with their datasets where it is not all of them that the label has."""
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(row.arm, []).append(row.dataset)
    several = len({row.dataset for row in rows}) > 1
    texts = [f"{arm} (on {len(datasets)})" if several else arm for arm, datasets in named.items()]
    more = len(texts) - _MOST_NAMES
    return ", ".join(texts[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
