"""One site of the reports of several suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from topoeval.report.folder import Folder
from topoeval.report.page import add_assets, add_suite, relative
from topoeval.report.pages import Site, Suite, template
from topoeval.report.published import Published
from topoeval.report.summary import DEFAULT_REFERENCE
from topoeval.results.records import Records


def build_leaderboard(
    suites: Mapping[str, Records],
    out_dir: Path | str,
    references: Mapping[str, str] | None = None,
    *,
    published: Sequence[Published] = (),
) -> Path:
    """Make one site: a first page with every suite's standings, and the report of each below it.

    All of it is made from records alone; the same records give the same bytes.

    Parameters
    ----------
    suites
        Records by the name of their results folder.
    out_dir
        Folder to write to; made if missing. What an earlier leaderboard had and this one has not
        is removed, other files are left alone.
    references
        Per suite the name of the method that differences are taken to; cross-entropy by default.
    published
        Numbers of papers, from `topoeval.report.published.read_published`.

    Returns
    -------
    pathlib.Path
        The first page.

    Raises
    ------
    UserError
        If a reference is unknown, or an example cannot be unpacked.
    """
    out = Path(out_dir)
    folder = Folder(out)
    add_assets(folder)
    made: dict[str, Suite] = {}
    for name, records in suites.items():
        site = Site(
            records=relative(records.folder, out / name),
            assets="../assets",
            home="../index.html",
        )
        reference = (references or {}).get(name, DEFAULT_REFERENCE)
        made[name] = add_suite(folder, records, reference, published, site, below=f"{name}/")
    folder.add("index.html", template("leaderboard.html.j2").render(suites=made, assets="assets"))
    folder.save()
    return out / "index.html"
