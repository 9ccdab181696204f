"""The report: a folder with one page, the table in two plain formats, and the figures."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from rich.console import RenderableType

from topoeval.report.caption import caption_lines
from topoeval.report.drawing import Drawing, inline
from topoeval.report.figures import draw
from topoeval.report.gallery import draw_examples
from topoeval.report.measures import OWN
from topoeval.report.summary import DEFAULT_REFERENCE, Summary, summarise
from topoeval.report.table import to_csv, to_html, to_markdown, to_terminal
from topoeval.results.arms import flatten, varying
from topoeval.results.document import OK
from topoeval.results.records import Records, read

# Flattened specs by the identity of their runs.
Settings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a dataset's numbers support about each method against the reference."""

    dataset: str
    reference: str | None
    higher: tuple[str, ...]
    lower: tuple[str, ...]
    open: tuple[str, ...]
    unknown: tuple[str, ...]


def build(records_dir: Path | str, out_dir: Path | str, reference: str = DEFAULT_REFERENCE) -> Path:
    """Make the report from records alone.

    Writes ``index.html``, ``table.csv``, ``table.md`` and ``figures/*.svg``. Each file appears
    under its name only when complete, and the same records give the same bytes.

    Parameters
    ----------
    records_dir
        Folder of records, one JSON file per run.
    out_dir
        Folder to write to; made if missing.
    reference
        Name of the method that differences are taken to.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    UserError
        If the records cannot be read, or the reference is unknown.
    """
    records = read(records_dir)
    summary = summarise(records, reference)
    examples, plots = draw_examples(records, summary), draw(summary)
    out = Path(out_dir)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for drawing in (*examples, *plots):
        write_text(out / "figures" / f"{drawing.name}.svg", drawing.svg)
    write_text(out / "table.csv", to_csv(summary))
    write_text(out / "table.md", to_markdown(summary))
    # The page last: who sees it may follow its links.
    index = out / "index.html"
    write_text(index, render(records, summary, examples, plots))
    return index


def terminal_table(records_dir: Path | str, reference: str = DEFAULT_REFERENCE) -> RenderableType:
    """Return the table of results for a `rich.console.Console` of 100 columns or more."""
    return to_terminal(summarise(read(records_dir), reference))


def render(
    records: Records, summary: Summary, examples: Sequence[Drawing], plots: Sequence[Drawing]
) -> str:
    """Return the page as HTML: style, table and figures inside, nothing loaded from elsewhere."""
    runs = records.runs
    specs = {
        identity: flatten(document["spec"]) for identity, document in records.documents.items()
    }
    return template("report.html.j2").render(
        suites=", ".join(records.suites),
        summary=summary,
        has_start=any(row.role == "start" for row in summary.rows),
        counts={
            "datasets": len(summary.datasets),
            "methods": len({row.arm for row in summary.rows if row.role != "start"}),
            "seeds": runs["seed"].nunique(),
            # by file: a run with several tests has as many rows
            "ok": runs.loc[runs["status"] == OK, "file"].nunique(),
            "total": runs["file"].nunique(),
        },
        findings=[finding(summary, dataset) for dataset in summary.datasets],
        caption=caption_lines(summary),
        # Both come escaped: cell by cell from table.py, text by text from matplotlib.
        table=Markup(to_html(summary)),
        examples=[figure_markup(drawing) for drawing in examples],
        plots=[figure_markup(drawing) for drawing in plots],
        judges=_judges(records),
        dataset_settings=_dataset_settings(records, specs),
        shared_settings=_shared_settings(records, specs),
        method_settings=_method_settings(records, specs),
        runs=runs.sort_values(["dataset", "arm", "seed"]).to_dict("records"),
    )


def template(name: str) -> jinja2.Template:
    """Return a page's template; what is put into it is escaped, and must be there."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("topoeval.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def finding(summary: Summary, dataset: str) -> Finding:
    """Sort a dataset's methods by what their difference in Betti accuracy supports."""
    groups: dict[str, list[str]] = {name: [] for name in ("higher", "lower", "open", "unknown")}
    for row in summary.of(dataset):
        if row.role == "start" or summary.reference in (row.method, row.arm):
            continue
        difference = row.differences[OWN.key]
        text = f"{row.title} ({difference.text(OWN.digits, signed=True)})"
        if not difference.measured:
            groups["unknown"].append(row.title)
        elif not difference.excludes_zero:
            groups["open"].append(text)
        else:
            groups["higher" if difference.mean > 0 else "lower"].append(text)
    return Finding(
        dataset=dataset,
        reference=summary.reference_title(dataset),
        **{name: tuple(titles) for name, titles in groups.items()},
    )


def figure_markup(drawing: Drawing) -> dict[str, Any]:
    """Return a figure and its markup for a page."""
    label = html.escape(drawing.title, quote=True)
    return {"drawing": drawing, "svg": Markup(inline(drawing.svg, drawing.name, label))}


def _judges(records: Records) -> list[dict[str, Any]]:
    judges = records.judges.sort_values(["dataset", "seed"])
    return [
        {
            **judge,
            "accuracy": None
            if pd.isna(judge["judge_accuracy"])
            else f"{judge['judge_accuracy']:.3f}",
        }
        for judge in judges.to_dict("records")
    ]


def _dataset_settings(records: Records, specs: Settings) -> dict[str, dict[str, str]]:
    firsts = records.runs.groupby("dataset", sort=True)["id"].first()
    return {
        dataset: {key: value for key, value in specs[identity].items() if _of_dataset(key)}
        for dataset, identity in firsts.items()
    }


def _shared_settings(records: Records, specs: Settings) -> dict[str, str]:
    """Return what no run departs from, the dataset aside."""
    chosen = [specs[identity] for identity in records.runs["id"]]
    differing = set(varying(chosen))
    return {
        key: value
        for key, value in sorted(chosen[0].items())
        if key not in differing and not _of_dataset(key)
    }


def _method_settings(records: Records, specs: Settings) -> list[tuple[str, str, dict[str, str]]]:
    """Return label, datasets and settings of each method, as far as methods differ in them."""
    firsts = records.runs.sort_values("seed").groupby(["arm", "dataset"], sort=True)["id"].first()
    keys = [
        key
        for key in varying([specs[identity] for identity in firsts])
        # Said by the label, or a matter of the single run.
        if key not in ("seed", "method.title")
        and not key.startswith("parents")
        and not _of_dataset(key)
    ]
    merged: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for (arm, dataset), identity in firsts.items():
        settings = tuple((key, specs[identity][key]) for key in keys if key in specs[identity])
        merged.setdefault((arm, settings), []).append(dataset)
    return [
        (arm, ", ".join(datasets), dict(settings)) for (arm, settings), datasets in merged.items()
    ]


def _of_dataset(key: str) -> bool:
    return key == "topology" or key.startswith("dataset.")


def write_text(path: Path, text: str) -> None:
    """Write beside the target and rename: readers see the old file or the new one, never half."""
    with NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline="\n"
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.close()
            # Temporary files are private; a report is to be shared.
            temporary.chmod(0o644)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
