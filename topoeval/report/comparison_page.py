"""The page of ``topoeval compare``: who is better where, and the cases that decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from topoeval.evaluate import Evaluation
from topoeval.evaluate.comparison import Comparison
from topoeval.metrics.catalogue import metric_of
from topoeval.report.drawing import INK, Drawing, entitle, figure_markup, grid, plotting, to_svg
from topoeval.report.folder import write_text
from topoeval.report.names import slug
from topoeval.report.overlay import Panel, compared, draw_comparison, thickest
from topoeval.report.template import template

MOST_CLASSES, MOST_CASES, MOST_TABLES = 6, 3, 8
_COLUMNS = 3
_OF_TOPOLOGY = ("betti_matching_union", "betti_error")
_GREY = "#9aa0a6"


def write_comparison_page(
    found: Comparison,
    path: Path,
    lines: Sequence[str],
    evaluations: Mapping[str, Evaluation] | None = None,
    problems: Sequence[str] = (),
) -> None:
    """Write the page of a comparison: the verdict, who is better where, pictures, all tables.

    Parameters
    ----------
    found
        What the comparison found.
    path
        The file to write.
    lines
        How it was measured, a line each.
    evaluations
        By model what `topoeval.evaluate.evaluate` returned, to draw cases; without them there are
        no pictures.
    problems
        What was left out, a line each.
    """
    figures: list[Drawing | None] = [draw_paired(found, name) for name in _classes(found)]
    if evaluations is not None:
        figures.append(draw_side_by_side(found, evaluations))
    page = template("files.html.j2").render(
        kicker="topoeval compare",
        title=" and ".join(found.models) if len(found.models) == 2 else ", ".join(found.models),
        lines=found.verdict(),
        opening=[
            _table("Which model is better, on which class", found.glance(_short)),
            *(
                _table(
                    f"Where each model is worst: {metric_of(score).title}",
                    _named_shortly(found.worst(score)),
                )
                for score in _telling(found)
            ),
        ],
        tables=_tables(found),
        remarks=[*lines, *found.notes],
        figures=[figure_markup(drawing) for drawing in figures if drawing is not None],
        problems=[{"message": line} for line in problems],
    )
    write_text(path, page)


def draw_paired(found: Comparison, name: str) -> Drawing:
    """Draw each score of a class: a line per case from model to model, and the means."""
    of_class = found.scores[found.scores["class"] == name]
    scores = list(dict.fromkeys(of_class["score"]))
    columns = min(_COLUMNS, len(scores))
    rows = -(-len(scores) // columns)
    places = range(len(found.models))
    stem = f"paired-{slug(name)}"
    with plotting(stem):
        figure = Figure(figsize=(3.5 * max(columns, 2), 2.9 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, score in zip(panels, scores, strict=False):
            values = of_class[of_class["score"] == score][list(found.models)].astype(float)
            for line in values.to_numpy():
                axes.plot(places, line, color=_GREY, linewidth=0.8, alpha=0.7, marker=".")
            axes.plot(places, values.mean(), color=INK, linewidth=2, marker="o")
            axes.set_xticks(list(places), [_short(model) for model in found.models])
            axes.set_xlim(-0.3, len(places) - 0.7)
            # on two lines: side by side long names would run into each other
            axes.set_title(f"{metric_of(score).header}\n{_decided(found, name, score)}")
            grid(axes, "y")
        for axes in panels[len(scores) :]:
            axes.set_visible(False)
        title = f"Class {name}: a line per case, the mean in bold"
        entitle(figure, title, "about these predictions on cases like these")
        svg = to_svg(figure)
    caption = (
        "A line per case. Whether a difference is separated says the title of each plot, after the "
        "correction for all tests: a few lines that all rise or all fall can be too few."
    )
    return Drawing(stem, title, caption, svg)


def draw_side_by_side(found: Comparison, evaluations: Mapping[str, Evaluation]) -> Drawing | None:
    """Draw the cases that lie furthest apart, all models in the same plane; None if there is none.

    They are those of the first score in which a difference is separated, else of the first score.
    """
    name, score = _decisive(found)
    cases = found.deciding(name, score, MOST_CASES)
    if cases.empty:
        return None
    panels = []
    digits = metric_of(score).digits
    topology = evaluations[found.models[0]].options.settings.topology
    ndim = 2
    for row in cases.to_dict("records"):
        for model in found.models:
            mask, truth = evaluations[model].masks(row["case"], name)
            ndim = mask.ndim
            below = f"{metric_of(score).title} {row[model]:.{digits}f}"
            picture = compared(mask, truth, topology, thickest(truth))
            panels.append(Panel(f"{row['case']}: {_short(model)}", picture, below))
    title = f"Class {name}: the cases furthest apart in {metric_of(score).title}"
    footer = topology.describe(ndim)
    return draw_comparison("side-by-side", title, footer, panels, len(found.models))


def _classes(found: Comparison) -> list[str]:
    """Return the classes to draw, those with a separated difference first."""
    told = found.table[found.table["better"] != ""]["class"]
    return list(dict.fromkeys([*told, *found.table["class"]]))[:MOST_CLASSES]


def _decisive(found: Comparison) -> tuple[str, str]:
    told = found.table[found.table["better"] != ""]
    row = (told if len(told) else found.table).iloc[0]
    return str(row["class"]), str(row["score"])


def _telling(found: Comparison) -> list[str]:
    """Return the scores by which worst cases are told: the first one, and one of the topology."""
    scores = list(dict.fromkeys(found.table["score"]))
    of_topology = [name for name in _OF_TOPOLOGY if name in scores[1:]]
    return [scores[0], *of_topology[:1]]


def _named_shortly(worst: pd.DataFrame) -> pd.DataFrame:
    return worst.assign(model=worst["model"].map(_short)) if len(worst) else worst


def _decided(found: Comparison, name: str, score: str) -> str:
    table = found.table
    rows = table[(table["class"] == name) & (table["score"] == score)]
    better = [model for model in dict.fromkeys(rows["better"]) if model]
    if not better:
        return "not separated"
    return f"{_short(better[0])} better" if len(better) == 1 else "see the tiers"


def _short(name: str) -> str:
    """Return a name that fits below an axis; many begin alike, so its middle is cut."""
    return name if len(name) <= 14 else f"{name[:4]}…{name[-9:]}"


def _tables(found: Comparison) -> list[dict[str, Any]]:
    tables = [_table("Differences", found.shown())]
    if len(found.models) > 2:
        tables.append(_table("Tiers", found.standings))
    told = found.table[found.table["better"] != ""]
    for row in (told if len(told) else found.table).head(MOST_TABLES).to_dict("records"):
        cases = found.deciding(row["class"], row["score"])[["case", *found.models, "apart"]]
        title = f"Cases furthest apart: class {row['class']}, {metric_of(row['score']).title}"
        table = _table(title, cases)
        if table not in tables:
            tables.append(table)
    return tables


def _table(title: str, frame: pd.DataFrame) -> dict[str, Any]:
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    return {"title": title, "heads": list(map(str, frame.columns)), "rows": rows}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if pd.isna(value) else f"{value:.4g}"
    return str(value)
