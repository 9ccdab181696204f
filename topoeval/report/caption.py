"""The small print that makes a table readable: conventions, statistics, hardware, versions."""

from __future__ import annotations

from topoeval.report.summary import THRESHOLD, Summary


def caption_lines(summary: Summary, *, datasets: bool = True) -> list[str]:
    """Return the caption of a table, a statement per line.

    Parameters
    ----------
    summary
        What is shown.
    datasets
        Whether to list cases, seeds and topology of each dataset.
    """
    lines = [summary.dataset_line(name) for name in summary.datasets] if datasets else []
    lines += [
        f"Threshold: {THRESHOLD}. Arrows show the good direction.",
        "Mean over the test cases of each run, then over seeds; in brackets the 95 % t-interval "
        "over seeds, cut at the range of the score. An interval of width 0 (all seeds agree) "
        "separates nothing.",
        "★ only where the paired difference to every other method excludes 0 and all runs are ok; "
        "no ★ means that the data do not separate the first.",
    ]
    lines += [f"{line}." for line in summary.machine_lines()]
    if summary.versions:
        lines.append(f"Versions: {summary.versions}.")
    lines += summary.notes
    return lines
