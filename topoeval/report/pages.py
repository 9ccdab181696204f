"""The pages of a suite: overview, one per dataset, one per method, the list of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from topoeval.report.boards import Board
from topoeval.report.caption import caption_lines
from topoeval.report.drawing import Drawing
from topoeval.report.figures import Looks, method_looks
from topoeval.report.gallery import Gallery
from topoeval.report.measures import BETTI_ERROR, DICE, OWN, PRIOR, Measure
from topoeval.report.names import slugs
from topoeval.report.overlay import legend
from topoeval.report.published import Published, pairs
from topoeval.report.summary import Row, Summary
from topoeval.report.table import Cell, Column, columns, main_columns
from topoeval.results.arms import flatten, varying
from topoeval.results.document import OK
from topoeval.results.records import Records
from topoeval.statistics import NOTHING

# Scores of a single run, as far as they were measured.
_RUN_SCORES = (DICE, BETTI_ERROR, OWN, PRIOR)
_COMPARED_CASES = 4

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """Where the pages of a suite lie, seen from their folder.

    Parameters
    ----------
    records
        The folder of records.
    assets
        The folder of the style sheet and the script.
    home
        The page above this suite's overview; nothing if there is none.
    """

    records: str
    assets: str = "assets"
    home: str = ""


@dataclass(frozen=True)
class Suite:
    """What all pages of a suite are made from."""

    records: Records
    summary: Summary
    boards: Sequence[Board]
    published: Sequence[Published]
    site: Site

    @cached_property
    def title(self) -> str:
        """Names of the suites that the records come from."""
        return ", ".join(self.records.suites)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How much was run; a judge is no run of a method."""
        runs = self.records.runs
        return {
            "methods": len({row.arm for row in self.summary.rows if row.role != "start"}),
            "datasets": len(self.summary.datasets),
            "seeds": int(runs["seed"].nunique()),
            # By file: a run with several tests has as many rows.
            "ok": runs.loc[runs["status"] == OK, "file"].nunique(),
            "runs": runs["file"].nunique(),
        }

    @cached_property
    def look(self) -> Looks:
        """Colour and mark of each method, the same on all pages."""
        return method_looks(self.summary)

    @cached_property
    def method_pages(self) -> dict[str, str]:
        """File name of each method's page, without ending."""
        return slugs(self.summary.arms)

    @cached_property
    def dataset_pages(self) -> dict[str, str]:
        """File name of each dataset's page, without ending; its anchor on the other pages, too."""
        return slugs(self.summary.datasets)

    @cached_property
    def only(self) -> dict[str, Summary]:
        """The summary of each dataset."""
        return {dataset: self.summary.only(dataset) for dataset in self.summary.datasets}

    @cached_property
    def flat_specs(self) -> dict[str, dict[str, str]]:
        """Flattened specs of the runs that restore images, by identity."""
        return {i: flatten(self.records.documents[i]["spec"]) for i in self.records.runs["id"]}

    @cached_property
    def varying_keys(self) -> set[str]:
        """Settings in which any two runs differ."""
        return set(varying(list(self.flat_specs.values())))

    def method_href(self, row: Row) -> str:
        """Return where a row's runs are listed, from the folder of the suite."""
        return f"methods/{self.method_pages[row.arm]}.html#{self.dataset_pages[row.dataset]}"

    def record_href(self, file: str) -> str:
        """Return where a record lies, from the folder of the suite."""
        return f"{self.site.records}/{file}"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table on a page: its name, where its runs are listed, its cells."""

    label: str
    href: str
    cells: Sequence[Cell]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table on a page."""

    label: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    stub: str = "Method"

    @property
    def spanners(self) -> list[tuple[str, int]]:
        """Groups of columns with their width; nothing if no column has a group."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and column.group and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return found if any(group for group, _ in found) else []


def overview_page(suite: Suite, figures: Sequence[Drawing]) -> str:
    """Return the first page: what was asked, the main numbers, figures, failures, conventions."""
    summary = suite.summary
    return _render(
        suite,
        "suite.html.j2",
        depth=0,
        has_start=any(row.role == "start" for row in summary.rows),
        tables={name: _main_table(suite, suite.only[name]) for name in summary.datasets},
        findings={name: finding(summary, name) for name in summary.datasets},
        figures=figures,
        pairs=pairs(suite.published, summary),
        judges=_judges(suite.records),
        caption=caption_lines(summary, datasets=False),
        settings=_shared(suite, dataset=False),
    )


def dataset_page(
    suite: Suite, dataset: str, figures: Sequence[Drawing], examples: Gallery | None
) -> str:
    """Return the page of a dataset: every column, figures, answers side by side."""
    only = suite.only[dataset]
    return _render(
        suite,
        "dataset.html.j2",
        depth=1,
        dataset=dataset,
        only=only,
        table=_full_table(suite, only),
        finding=finding(suite.summary, dataset),
        figures=figures,
        examples=examples,
        n_cases=_COMPARED_CASES,
        legend=legend(),
        caption=caption_lines(only),
        settings={
            key: value
            for key, value in suite.flat_specs[only.rows[0].runs["id"].iloc[0]].items()
            if _of_dataset(key)
        },
    )


def method_page(suite: Suite, arm: str, examples: Mapping[str, Gallery | None]) -> str:
    """Return the page of a method: its numbers, every run, examples, published numbers."""
    rows = [row for row in suite.summary.rows if row.arm == arm]
    spec = suite.records.documents[rows[0].runs["id"].iloc[0]]["spec"]
    method: Mapping[str, Any] = spec.get("method") or {}
    paper = str(method.get("paper") or "")
    chosen = main_columns(suite.summary)
    table = Table(
        f"{rows[0].title} over all datasets",
        chosen,
        [
            Line(
                row.dataset,
                f"#{suite.dataset_pages[row.dataset]}",
                [column.cell(row) for column in chosen],
                bool(row.failures),
            )
            for row in rows
        ],
        stub="Dataset",
    )
    return _render(
        suite,
        "method.html.j2",
        depth=1,
        rows=rows,
        about=method.get("summary") or "",
        paper=paper,
        arxiv=arxiv[1] if (arxiv := re.fullmatch(r"arXiv (\d{4}\.\d{4,5})", paper)) else "",
        table=table,
        run_tables={row.dataset: _runs_of(suite, row) for row in rows},
        captions={row.dataset: _short_caption(suite.only[row.dataset]) for row in rows},
        examples=examples,
        legend=legend(),
        published=[p for p in suite.published if p.method == rows[0].method],
        pairs=pairs([p for p in suite.published if p.method == rows[0].method], suite.summary),
        settings=_of_method(suite, rows),
    )


def runs_page(suite: Suite) -> str:
    """Return the list of all runs, each with its record."""
    runs = pd.concat([suite.records.runs, suite.records.judges])
    runs = runs.sort_values(["dataset", "arm", "seed"])
    machines = {text: letter for letter, text in suite.summary.machines.items()}
    return _render(
        suite,
        "runs.html.j2",
        depth=0,
        runs=runs.to_dict("records"),
        machines=machines,
        several=len(machines) > 1,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """What a dataset's numbers support about each method against the reference."""

    reference: str | None
    higher: tuple[str, ...]
    lower: tuple[str, ...]
    open: tuple[str, ...]
    unknown: tuple[str, ...]


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
        reference=summary.reference_title(dataset),
        **{name: tuple(titles) for name, titles in groups.items()},
    )


def template(name: str) -> jinja2.Template:
    """Return a page's template; what is put into it is escaped, and must be there."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("topoeval.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["header"] = _header
    return environment


def _render(suite: Suite, name: str, *, depth: int, **content: Any) -> str:
    up = "../" * depth
    return template(name).render(
        suite=suite,
        summary=suite.summary,
        up=up,
        assets=f"{up}{suite.site.assets}",
        home=f"{up}{suite.site.home}" if suite.site.home else "",
        nothing=NOTHING,
        **content,
    )


def _main_table(suite: Suite, only: Summary) -> Table:
    return _table(suite, only, main_columns(only), only.datasets[0])


def _full_table(suite: Suite, only: Summary) -> Table:
    return _table(suite, only, columns(only), f"All scores on {only.datasets[0]}")


def _table(suite: Suite, only: Summary, chosen: Sequence[Column], label: str) -> Table:
    lines = [
        Line(
            row.title,
            suite.method_href(row),
            [column.cell(row) for column in chosen],
            bool(row.failures),
        )
        for row in only.rows
    ]
    return Table(label, chosen, lines)


def _runs_of(suite: Suite, row: Row) -> dict[str, Any]:
    """Return the runs behind a row: names of columns, and a line per seed."""
    measures = [m for m in _RUN_SCORES if row.estimates[m.key].measured]
    lines = []
    for run in row.runs.to_dict("records"):
        numbers = [_number(run[m.key], m) for m in measures]
        numbers += [
            _plain(run["step_s"], 1e3, 1),
            _plain(run["wall_s"], 1.0, 1),
            _plain(run["peak_rss_bytes"], 2.0**-20, 0),
        ]
        lines.append({**run, "numbers": numbers})
    heads = [m.header for m in measures]
    return {"heads": [*heads, "ms per step ↓", "Run, s ↓", "Peak, MiB ↓"], "lines": lines}


def _number(value: float, measure: Measure) -> str:
    return NOTHING if pd.isna(value) else f"{value:.{measure.digits}f}"


def _plain(value: float | None, factor: float, digits: int) -> str:
    return NOTHING if value is None or pd.isna(value) else f"{value * factor:.{digits}f}"


def _short_caption(only: Summary) -> list[str]:
    return [only.dataset_line(only.datasets[0]), *only.machine_lines()]


def _judges(records: Records) -> list[dict[str, Any]]:
    judges = records.judges.sort_values(["dataset", "seed"])
    return [
        {**judge, "accuracy": _plain(judge["judge_accuracy"], 1.0, 3)}
        for judge in judges.to_dict("records")
    ]


def _shared(suite: Suite, *, dataset: bool) -> Settings:
    """Return what no run departs from, of the datasets or of everything else."""
    first = suite.flat_specs[suite.records.runs["id"].iloc[0]]
    return {
        key: value
        for key, value in sorted(first.items())
        if key not in suite.varying_keys and _of_dataset(key) == dataset
    }


def _of_method(suite: Suite, rows: Sequence[Row]) -> list[tuple[str, Settings]]:
    """Return datasets and settings of a method, as far as the runs of the suite differ in them."""
    merged: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row in rows:
        flat = suite.flat_specs[row.runs["id"].iloc[0]]
        settings = tuple(
            (key, value)
            for key, value in flat.items()
            if key in suite.varying_keys
            # Said by the title, or a matter of the single run.
            and key not in ("seed", "method.title", "method.summary", "method.paper")
            and not key.startswith("parents")
            and not _of_dataset(key)
        )
        merged.setdefault(settings, []).append(row.dataset)
    return [(", ".join(datasets), dict(settings)) for settings, datasets in merged.items()]


def _of_dataset(key: str) -> bool:
    return key == "topology" or key.startswith("dataset.")


def _header(text: str) -> str:
    """Keep an arrow on the line of its word."""
    return text.replace(" ↑", "\N{NO-BREAK SPACE}↑").replace(" ↓", "\N{NO-BREAK SPACE}↓")


def _breakable(text: str) -> Markup:
    """Let a long label break after punctuation, where a narrow column needs it to."""
    return Markup(escape(text)).replace(Markup("="), Markup("=<wbr>")).replace(
        Markup("_"), Markup("_<wbr>")
    )  # fmt: skip
