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
from topoeval.metrics.classes import MERGED
from topoeval.report.broken import CAPTION, LEGEND, Errors, errors_of
from topoeval.report.drawing import INK, Drawing, entitle, figure_markup, grid, plotting, to_svg
from topoeval.report.folder import write_text
from topoeval.report.names import short_names, slug
from topoeval.report.overlay import draw_panels
from topoeval.report.template import template

MOST_CLASSES, MOST_MODELS, MOST_TABLES = 6, 4, 8
_COLUMNS = 3
_OF_TOPOLOGY = ("betti_matching_union", "betti_error")
_GREY = "#9aa0a6"
# lines of the verdict that belong to the first sentence
_SAID_FIRST = "about these predictions"
_OPEN = "-: these cases cannot tell the models apart."
# columns whose cells are phrases and may take several lines
_PHRASES = ("what is wrong", "the largest")
# inches; the pictures of two cases of two models stand in one row of a page
_PICTURE = 2.8


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
    seen = None if evaluations is None else _Seen(evaluations)
    short = short_names(found.models)
    verdict, *more = found.verdict()
    about = [line for line in more if line.startswith(_SAID_FIRST)]
    worst = [_worst(found, score, seen) for score in reversed(_telling(found))]
    worst = [table for table in worst if table["rows"]]
    page = template("files.html.j2").render(
        kicker="topoeval compare",
        title=" and ".join(found.models) if len(found.models) == 2 else ", ".join(found.models),
        lead=_lead(found) or verdict,
        lines=about,
        opening=[
            _table("Which model is better, on which class", found.glance(short.__getitem__))
            | {"caption": _OPEN},
            *([_pictures(found, seen)] if seen else []),
            *worst[:1],
        ],
        tables=[*worst[1:], *_tables(found)],
        remarks=[*lines, verdict, *(line for line in more if line not in about), *found.notes],
        figures=[figure_markup(draw_paired(found, name)) for name in _classes(found)],
        problems=[{"message": line} for line in problems],
    )
    write_text(path, page)


def _lead(found: Comparison) -> str:
    """Return how many differences speak for which model; the table below it says which."""
    told = found.table[found.table["better"] != ""]
    if told.empty:
        return ""
    counts = told["better"].value_counts()
    each = [f"{name} is better in {counts[name]}" for name in found.models if name in counts]
    left = len(found.table) - len(told)
    rest = f"; the cases cannot tell in {left}" if left else ""
    return f"{', '.join(each)} of {len(found.table)} differences{rest} (Holm over all, 5 %)"


class _Seen:
    """What is wrong in the cases that are shown, each looked at once."""

    def __init__(self, evaluations: Mapping[str, Evaluation]) -> None:
        self.evaluations = evaluations
        self.topology = next(iter(evaluations.values())).options.settings.topology
        self._found: dict[tuple[str, str, str], Errors] = {}

    def errors(self, model: str, case: str, name: str) -> Errors:
        """Return what is wrong in a class of a case of a model."""
        key = model, case, name
        if key not in self._found:
            masks = self.evaluations[model].masks(case, name)
            self._found[key] = errors_of(*masks, self.topology)
        return self._found[key]


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
            axes.set_xticks(list(places), list(short_names(found.models).values()))
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


def _pictures(found: Comparison, seen: _Seen) -> dict[str, Any]:
    """Draw where each model is worst beside the others, one case and class for each."""
    score = _drawn_score(found)
    card = metric_of(score)
    short = short_names(found.models)
    figures = []
    for number, worse in enumerate(found.models[:MOST_MODELS]):
        row = _behind(found, score, worse)
        if row is None:
            continue
        panels = []
        for model in found.models:
            below = f"{card.title} {row[model]:.{card.digits}f}"
            errors = seen.errors(model, row["case"], row["class"])
            panels.append(errors.panel(short[model], below))
        title = f"Where {short[worse]} is worst: {row['case']}, class {row['class']}"
        figures.append(
            draw_panels(f"case-{number}", title, "", "", panels, {}, len(panels), _PICTURE)
        )
    first = f", of the first {MOST_MODELS} models" if len(found.models) > MOST_MODELS else ""
    return {
        "title": f"Where each model breaks, beside the other{'s' if len(found.models) > 2 else ''}",
        "figures": [figure_markup(figure) for figure in figures],
        "legend": LEGEND,
        "models": len(found.models),
        "caption": f"By the {card.title}, against the best of the others{first}. {CAPTION}",
    }


def _drawn_score(found: Comparison) -> str:
    """Return the score of the topology if models differ in it anywhere, else the first such."""
    differing = found.table[found.table["wins"] + found.table["losses"] > 0]["score"]
    telling = _telling(found)[-1]
    return telling if not len(differing) or telling in set(differing) else str(differing.iloc[0])


def _behind(found: Comparison, score: str, model: str) -> Mapping[Any, Any] | None:
    """Return the case and class in which a model lies furthest behind the best of the others.

    Where it is never behind, those in which its value is worst; None if all its values are perfect.
    """
    rows = found.scores[found.scores["score"] == score]
    if (apart := rows[rows["class"] != MERGED]).size:
        rows = apart
    card = metric_of(score)
    sign = 1 if card.direction == "higher" else -1
    own = sign * rows[model].astype(float)
    others = sign * rows[[name for name in found.models if name != model]].astype(float)
    behind = others.max(axis=1) - own
    if not (behind > 0).any():
        if not (own < (card.high if sign > 0 else -card.low)).any():
            return None
        behind = -own
    return dict(rows.loc[behind.idxmax()])


def _worst(found: Comparison, score: str, seen: _Seen | None) -> dict[str, Any]:
    """Return the table of each model's worst cases, with what is wrong in them and where."""
    rows = found.worst(score)
    if len(rows) and seen is not None:
        errors = [
            seen.errors(row["model"], row["case"], row["class"]) for row in rows.to_dict("records")
        ]
        rows = rows.assign(
            **{
                _PHRASES[0]: [one.told for one in errors],
                _PHRASES[1]: [one.largest for one in errors],
            }
        )
    short = short_names(found.models)
    shown = rows.assign(model=rows["model"].map(short)) if len(rows) else rows
    return _table(f"Where each model is worst: {metric_of(score).title}", shown)


def _classes(found: Comparison) -> list[str]:
    """Return the classes to draw, those with a separated difference first."""
    told = found.table[found.table["better"] != ""]["class"]
    return list(dict.fromkeys([*told, *found.table["class"]]))[:MOST_CLASSES]


def _telling(found: Comparison) -> list[str]:
    """Return the scores by which worst cases are told: the first one, and one of the topology."""
    scores = list(dict.fromkeys(found.table["score"]))
    of_topology = [name for name in _OF_TOPOLOGY if name in scores[1:]]
    return [scores[0], *of_topology[:1]]


def _decided(found: Comparison, name: str, score: str) -> str:
    table = found.table
    rows = table[(table["class"] == name) & (table["score"] == score)]
    better = [model for model in dict.fromkeys(rows["better"]) if model]
    if not better:
        return "not separated"
    return f"{short_names(found.models)[better[0]]} better" if len(better) == 1 else "see the tiers"


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
    heads = list(map(str, frame.columns))
    phrases = [number for number, head in enumerate(heads) if head in _PHRASES]
    return {"title": title, "heads": heads, "rows": rows, "phrases": phrases}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if pd.isna(value) else f"{value:.4g}"
    return str(value)
