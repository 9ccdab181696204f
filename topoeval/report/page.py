"""The report of a suite: a folder of pages, figures and tables that opens from disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from rich.console import RenderableType

from topoeval.records.files import record_files
from topoeval.report.bases import Yardsticks
from topoeval.report.boards import boards, further_boards
from topoeval.report.difference import differences
from topoeval.report.figures import draw_dataset, draw_overview
from topoeval.report.folder import Folder
from topoeval.report.formats import to_csv, to_latex, to_markdown
from topoeval.report.gains import to_markdown as gains_to_markdown
from topoeval.report.gallery import gallery
from topoeval.report.pages import dataset_page, method_page, overview_page, runs_page
from topoeval.report.published import Published
from topoeval.report.suite import Site, SuiteReport
from topoeval.report.summary import summarise
from topoeval.report.terminal import to_terminal
from topoeval.results.records import Records, read

_ASSETS = ("site.css", "site.js")


def build(
    source: Records | Path | str,
    out_dir: Path | str,
    yardsticks: Yardsticks | str | None = None,
    *,
    published: Sequence[Published] = (),
    copy_records: bool = False,
) -> Path:
    """Make the report of a suite from its records alone.

    Writes ``index.html``, a page per method and dataset, ``runs.html``, ``table.csv``,
    ``table.md``, ``table.tex``, ``gains.md`` where records have thresholds, and
    ``figures/*.svg``; all of it or, where anything fails, nothing.
    The same records give the same bytes.

    Parameters
    ----------
    source
        Records, or their folder with one JSON file per run.
    out_dir
        Folder to write to; made if missing. Files of an earlier report that this one does not
        have are removed, others are left alone.
    yardsticks
        What rows are compared with (`topoeval.report.bases.Yardsticks`), or the reference alone.
    published
        Numbers of papers, from `topoeval.report.published.read_published`.
    copy_records
        Whether to put the records into the folder, so that it can be sent away alone. Otherwise
        pages link to them where they lie.

    Returns
    -------
    pathlib.Path
        The first page.

    Raises
    ------
    UserError
        If the records cannot be read, or the reference is unknown.
    """
    records = source if isinstance(source, Records) else read(source)
    out = Path(out_dir)
    place = "records" if copy_records else relative(records.folder, out)
    folder = Folder(out)
    add_assets(folder)
    add_suite(folder, records, yardsticks, published, Site(records=place))
    if copy_records:
        damaged = {error.path for error in records.damaged}
        for path in set(record_files(records.folder)) - damaged:
            folder.add(f"records/{path.name}", path.read_text(encoding="utf-8"))
    folder.save()
    return out / "index.html"


def add_suite(
    folder: Folder,
    records: Records,
    yardsticks: Yardsticks | str | None,
    published: Sequence[Published],
    site: Site,
    below: str = "",
) -> SuiteReport:
    """Add the pages, figures and tables of a suite to a folder, at a path below its root."""
    summary = summarise(records, yardsticks)
    suite = SuiteReport(
        records,
        summary,
        boards(records, summary),
        further_boards(records, summary),
        published,
        site,
        yardsticks if isinstance(yardsticks, Yardsticks) else Yardsticks(),
    )
    figures = draw_overview(summary)
    galleries = {name: gallery(records, name, summary.of(name)) for name in summary.datasets}
    pages = {
        "index.html": overview_page(suite, figures, differences(suite.gains, galleries)),
        "runs.html": runs_page(suite),
    }
    figures += [suite.lead] if suite.lead is not None else []
    for dataset, name in suite.dataset_pages.items():
        drawn = draw_dataset(suite.only[dataset], suite.look, name)
        pages[f"datasets/{name}.html"] = dataset_page(suite, dataset, drawn, galleries[dataset])
        figures += drawn
    figures += [drawing for board in suite.boards for drawing in board.figures]
    for arm, name in suite.method_pages.items():
        pages[f"methods/{name}.html"] = method_page(suite, arm, galleries)
    tables = {
        "table.csv": to_csv(summary),
        "table.md": to_markdown(summary),
        "table.tex": to_latex(summary),
    }
    if suite.gains:
        tables["gains.md"] = gains_to_markdown(suite.gains)
    drawings = {f"figures/{figure.name}.svg": figure.svg for figure in figures}
    for name, text in {**pages, **tables, **drawings}.items():
        folder.add(f"{below}{name}", text)
    return suite


def add_assets(folder: Folder) -> None:
    """Add the style sheet and the script that all pages share."""
    for name in _ASSETS:
        text = (resources.files("topoeval.report") / "templates" / name).read_text("utf-8")
        folder.add(f"assets/{name}", text)


def relative(target: Path, start: Path) -> str:
    """Return the way from one folder to another, as a link has it."""
    return quote(Path(os.path.relpath(target.resolve(), start.resolve())).as_posix())


def terminal_table(
    records_dir: Path | str, yardsticks: Yardsticks | str | None = None
) -> RenderableType:
    """Return the table of results for a `rich.console.Console` of 100 columns or more."""
    return to_terminal(summarise(read(records_dir), yardsticks))
