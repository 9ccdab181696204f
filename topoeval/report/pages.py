"""The pages of a suite: overview, one per dataset, one per method, the list of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from topoeval.metrics import Metric
from topoeval.report.caption import caption_lines
from topoeval.report.difference import Difference
from topoeval.report.drawing import Drawing
from topoeval.report.gallery import Gallery
from topoeval.report.overlay import legend
from topoeval.report.published import pairs
from topoeval.report.row import MethodRow
from topoeval.report.scored import BETTI_ERROR, DICE, OWN, PRIOR
from topoeval.report.suite import SuiteReport
from topoeval.report.summary import Summary
from topoeval.report.table import Cell, Column, columns, main_columns
from topoeval.report.template import template
from topoeval.results.records import Records
from topoeval.statistics import NOTHING

# Scores of a single run, as far as they were measured.
_RUN_SCORES = (DICE, BETTI_ERROR, OWN, PRIOR)
_COMPARED_CASES = 4


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


def overview_page(
    suite: SuiteReport, figures: Sequence[Drawing], seen: Sequence[Difference]
) -> str:
    """Return the first page: the verdict and the gains, numbers, figures, failures, conventions."""
    summary = suite.summary
    return _render(
        suite,
        "suite.html.j2",
        depth=0,
        has_start=any(row.role == "start" for row in summary.rows),
        tables={name: _main_table(suite, suite.only[name]) for name in summary.datasets},
        findings={name: finding(summary, name) for name in summary.datasets},
        figures=figures,
        seen=seen,
        legend=legend(),
        pairs=pairs(suite.published, summary),
        auxiliary=_auxiliary(suite.records),
        caption=caption_lines(summary, datasets=False),
        settings=suite.shared_settings,
    )


def dataset_page(
    suite: SuiteReport, dataset: str, figures: Sequence[Drawing], examples: Gallery | None
) -> str:
    """Return the page of a dataset: every column, figures, predictions side by side."""
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
        settings=suite.dataset_settings(dataset),
    )


def method_page(suite: SuiteReport, arm: str, examples: Mapping[str, Gallery | None]) -> str:
    """Return the page of a method: its numbers, every run, examples, published numbers."""
    rows = [row for row in suite.summary.rows if row.arm == arm]
    method = suite.records.documents[rows[0].runs["id"].iloc[0]].spec.method
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
        failures=[failure for row in rows if row.is_main for failure in row.failures],
        about=method.summary,
        paper=method.paper,
        arxiv=arxiv[1] if (arxiv := re.fullmatch(r"arXiv (\d{4}\.\d{4,5})", method.paper)) else "",
        table=table,
        run_tables={row.dataset: _runs_of(suite, row) for row in rows},
        captions={row.dataset: _short_caption(suite.only[row.dataset]) for row in rows},
        examples=examples,
        legend=legend(),
        published=[p for p in suite.published if p.method == rows[0].method],
        pairs=pairs([p for p in suite.published if p.method == rows[0].method], suite.summary),
        settings=suite.method_settings(rows),
    )


def runs_page(suite: SuiteReport) -> str:
    """Return the list of all runs, each with its record."""
    runs = pd.concat([suite.records.runs, suite.records.auxiliary])
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
    """What a dataset's numbers support about each method against its own base.

    ``higher`` and ``lower`` are decided in the family of the dataset's methods, ``open`` are not.
    """

    higher: tuple[str, ...]
    lower: tuple[str, ...]
    open: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is compared."""
        return not (self.higher or self.lower or self.open or self.unknown)


def finding(summary: Summary, dataset: str) -> Finding:
    """Sort a dataset's methods by what their difference in Betti accuracy supports."""
    groups: dict[str, list[str]] = {name: [] for name in ("higher", "lower", "open", "unknown")}
    against = summary.standings[dataset][OWN.name].against_bases
    for row in summary.of(dataset):
        if row.arm not in against:
            continue
        one = against[row.arm]
        text = f"{row.title} ({one.difference.text(OWN.digits, signed=True)} to {one.base})"
        if not one.difference.measured:
            groups["unknown"].append(row.title)
        else:
            groups["higher" if one.better else "lower" if one.worse else "open"].append(text)
    return Finding(**{name: tuple(titles) for name, titles in groups.items()})


def _render(suite: SuiteReport, name: str, *, depth: int, **content: Any) -> str:
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


def _main_table(suite: SuiteReport, only: Summary) -> Table:
    return _table(suite, only, main_columns(only), only.datasets[0])


def _full_table(suite: SuiteReport, only: Summary) -> Table:
    return _table(suite, only, columns(only), f"All scores on {only.datasets[0]}")


def _table(suite: SuiteReport, only: Summary, chosen: Sequence[Column], label: str) -> Table:
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


def _runs_of(suite: SuiteReport, row: MethodRow) -> dict[str, Any]:
    """Return the runs behind a row: names of columns, and a line per seed."""
    measures = [m for m in _RUN_SCORES if row.estimates[m.name].measured]
    lines = []
    for run in row.runs.to_dict("records"):
        numbers = [_number(run[m.name], m) for m in measures]
        numbers += [
            _plain(run["step_s"], 1e3, 1),
            _plain(run["wall_s"], 1.0, 1),
            _plain(run["peak_rss_bytes"], 2.0**-20, 0),
        ]
        lines.append({**run, "numbers": numbers})
    heads = [m.header for m in measures]
    return {"heads": [*heads, "ms per step ↓", "Run, s ↓", "Peak, MiB ↓"], "lines": lines}


def _number(value: float, measure: Metric) -> str:
    return NOTHING if pd.isna(value) else f"{value:.{measure.digits}f}"


def _plain(value: float | None, factor: float, digits: int) -> str:
    return NOTHING if value is None or pd.isna(value) else f"{value * factor:.{digits}f}"


def _short_caption(only: Summary) -> list[str]:
    return [only.dataset_line(only.datasets[0]), *only.machine_lines()]


def _auxiliary(records: Records) -> list[dict[str, Any]]:
    networks = records.auxiliary.sort_values(["dataset", "seed"])
    return [
        {**network, "accuracy": _plain(network["auxiliary_accuracy"], 1.0, 3)}
        for network in networks.to_dict("records")
    ]
