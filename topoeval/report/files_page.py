"""The pages of ``topoeval evaluate`` and ``topoeval audit``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from topoeval.evaluate import Audit, Evaluation, summarise
from topoeval.evaluate.audit import SIZES
from topoeval.evaluate.comparison import DEFAULT_SCORES
from topoeval.evaluate.summary import FLAGS, MEAN, shown_class
from topoeval.metrics import available_columns
from topoeval.metrics.catalogue import every_column, metric_of
from topoeval.report.broken import draw_errors, errors_of
from topoeval.report.drawing import Drawing, figure_markup
from topoeval.report.folder import write_text
from topoeval.report.names import slug
from topoeval.report.overlay import Panel, draw_labels, plain
from topoeval.report.template import template
from topoeval.topology import Topology

MOST_PICTURES = 6
_MOST_MEANS = 6
_SHOWN = ("n", "absent", "mean", "sd", "median", "min", "max")
# What makes a case bad, in this order; of an evaluation without these its own scores.
_BADNESS = ("betti_matching_union", "betti_error", "hd95")


def write_evaluation_page(evaluation: Evaluation, path: Path, lines: Sequence[str]) -> None:
    """Write the page of an evaluation: summary, worst cases as pictures, problems.

    Parameters
    ----------
    evaluation
        What came out.
    path
        The file to write.
    lines
        How it was measured, a line each.
    """
    averaged = evaluation.classes.averaged
    summary = summarise(evaluation.cases, evaluation.options.absent, averaged)
    names = list(dict.fromkeys(summary["class"]))
    titles: dict[str, str] = {}
    for dims in evaluation.spatial_dims:
        known = available_columns(dims, ["prior"])
        titles |= {name: card.title for name, card in known.items()}
        titles |= {f"{name} better": card.direction or "-" for name, card in known.items()}
    topology = evaluation.options.settings.topology
    figures, told = [], list(lines)
    for name in evaluation.classes.names:
        if drawing := draw_worst(evaluation, name):
            figures.append(drawing)
        else:
            told.append(f"class {name}: no case has an error to be shown")
    page = template("files.html.j2").render(
        kicker="topoeval evaluate",
        title=_count(len(evaluation.pairs), "case"),
        lines=told,
        opening=[_glance(summary, topology)],
        tables=[
            {
                "title": shown_class(name if name == MEAN else f"Class {name}", topology),
                "heads": ["score", "better", *_SHOWN],
                "rows": [
                    [
                        titles.get(row["metric"], row["metric"].replace("_", " ")),
                        titles.get(f"{row['metric']} better", "-"),
                        *(_text(row[key]) for key in _SHOWN),
                    ]
                    for row in summary[summary["class"] == name].to_dict("records")
                ],
            }
            for name in names
        ],
        figures=[figure_markup(drawing) for drawing in figures],
        problems=evaluation.problems,
    )
    write_text(path, page)


def _glance(summary: pd.DataFrame, topology: Topology) -> dict[str, Any]:
    """Return the means of the scores that are compared by default, a row per class.

    Of an evaluation without these, the first of its own.
    """
    means = summary.pivot_table("mean", "class", "metric", sort=False, dropna=False)
    columns = [name for name in DEFAULT_SCORES if name in means]
    scores = [name for name in means if name not in FLAGS and metric_of(name).direction]
    columns = columns or scores[:_MOST_MEANS]
    cards = [metric_of(name) for name in columns]
    rows = [
        [
            shown_class(str(name), topology),
            *("-" if pd.isna(v) else f"{v:.{c.digits}f}" for v, c in zip(of, cards, strict=True)),
        ]
        for name, of in zip(means.index, means[columns].to_numpy(), strict=True)
    ]
    return {
        "title": "Means over the cases",
        "heads": ["class", *(card.header for card in cards)],
        "rows": rows if columns else [],
    }


def write_audit_page(found: Audit, path: Path, lines: Sequence[str]) -> None:
    """Write the page of an audit: table, labels with their specks and pinholes, problems.

    Parameters
    ----------
    found
        What came out.
    path
        The file to write.
    lines
        How it was measured, a line each.
    """
    table = found.table()
    heads = ["question", "n", "mean", "largest", "cases above 0"]
    figures = [_draw_labels(found, name) for name in found.classes.names]
    page = template("files.html.j2").render(
        kicker="topoeval audit",
        title=f"{len(found.files)} label maps",
        lines=lines,
        tables=[
            {
                "title": f"Class {name}",
                "heads": heads,
                "rows": [
                    [
                        row["question"].replace("_", " "),
                        *(_text(row[key]) for key in ("n", "mean", "largest")),
                        f"{row['cases_above_0']:.0%}",
                    ]
                    for row in table[table["class"] == name].to_dict("records")
                ],
            }
            for name in found.classes.names
        ],
        figures=[figure_markup(drawing) for drawing in figures if drawing],
        problems=found.problems,
    )
    write_text(path, page)


def draw_worst(evaluation: Evaluation, name: str) -> Drawing | None:
    """Draw the cases of a class that are topologically worst; None if none has an error."""
    topology = evaluation.options.settings.topology
    panels: list[Panel] = []
    ndim = evaluation.spatial_dims[0]
    for row in _faulty(evaluation.cases, name).to_dict("records"):
        if len(panels) == MOST_PICTURES:
            break
        mask, truth = evaluation.masks(row["case"], name)
        if (mask == truth).all():
            continue
        ndim = mask.ndim
        panels.append(errors_of(mask, truth, topology).panel(row["case"], _betti(row)))
    if not panels:
        return None
    of_all = "the worst cases" if len(panels) == MOST_PICTURES else "all cases with an error"
    title = f"{shown_class(f'Class {name}', topology)}: {of_all}"
    return draw_errors(f"worst-{slug(name)}", title, topology.describe(ndim), panels)


def _faulty(cases: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of a class that are not known to be without an error, the worst first."""
    rows = cases[cases["class"] == name] if len(cases) else cases
    if "dice" in rows:  # 1 of equal masks and of no others
        rows = rows[rows["dice"].isna() | (rows["dice"] < 1)]
    by = [column for column in _BADNESS if column in rows]
    rising = [False] * len(by)
    if not by:
        known = every_column()
        better = {column: known[column].direction for column in rows if column in known}
        by = [column for column, direction in better.items() if direction]
        rising = [better[column] == "higher" for column in by]
    return rows.sort_values([*by, "case"], ascending=[*rising, True])


def _draw_labels(found: Audit, name: str) -> Drawing | None:
    most = SIZES[-1]
    order = (f"specks_{most}", f"pinholes_{most}", "susceptibility_foreground", "holes_cut")
    rows = _worst(found.cases, name, order)
    if rows.empty:
        return None
    panels = []
    ndim = 2
    for row in rows.to_dict("records"):
        mask = found.mask(row["case"], name)
        ndim = mask.ndim
        below = f"{_count(row[order[0]], 'speck')}, {_count(row[order[1]], 'pinhole')}"
        panels.append(Panel(row["case"], plain(mask, found.topology, most), below))
    title = f"Class {name}: labels with most specks and pinholes"
    return draw_labels(f"labels-{slug(name)}", title, found.topology.describe(ndim), panels, most)


def _worst(cases: pd.DataFrame, name: str, order: Sequence[str]) -> pd.DataFrame:
    """Return the rows of a class in falling order of the columns that there are."""
    if cases.empty:
        return cases
    by = [column for column in order if column in cases.columns]
    rows = cases[cases["class"] == name]
    if by:
        rows = rows.sort_values([*by, "case"], ascending=[False] * len(by) + [True])
    return rows.head(MOST_PICTURES)


def _betti(row: Mapping[Any, Any]) -> str:
    numbers = [
        ", ".join(
            str(int(row[f"b{k}{suffix}"]))
            for k in range(3)
            if f"b{k}{suffix}" in row and not pd.isna(row[f"b{k}{suffix}"])
        )
        for suffix in ("", "_true")
    ]
    return f"Betti ({numbers[0]}), truth ({numbers[1]})" if all(numbers) else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text(value: Any) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
