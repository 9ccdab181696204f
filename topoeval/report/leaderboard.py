"""One site of the reports of several suites."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.report.bases import Yardsticks
from topoeval.report.boards import RANKED
from topoeval.report.folder import Folder
from topoeval.report.page import add_assets, add_suite, relative
from topoeval.report.published import Published
from topoeval.report.suite import Site, SuiteReport
from topoeval.report.template import template
from topoeval.results.records import Records
from topoeval.results.submission import Verdict
from topoeval.statistics import NOTHING


def build_leaderboard(
    suites: Mapping[str, Records],
    out_dir: Path | str,
    yardsticks: Mapping[str, Yardsticks] | None = None,
    *,
    published: Sequence[Published] = (),
    submissions: Sequence[Verdict] = (),
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
    yardsticks
        What the rows of each suite are compared with; a suite that is not named has the default.
    published
        Numbers of papers, from `topoeval.report.published.read_published`.
    submissions
        Results from elsewhere, from `topoeval.results.submission.check`; shown apart from ours, and
        those that were scored here apart from those that were not.

    Returns
    -------
    pathlib.Path
        The first page.

    Raises
    ------
    UserError
        If a reference is unknown or is several rows, or an example cannot be unpacked; the message
        begins with the name of the suite.
    """
    out = Path(out_dir)
    folder = Folder(out)
    add_assets(folder)
    made: dict[str, SuiteReport] = {}
    for name, records in suites.items():
        site = Site(
            records=relative(records.folder, out / name),
            assets="../assets",
            home="../index.html",
        )
        chosen = (yardsticks or {}).get(name)
        try:
            made[name] = add_suite(folder, records, chosen, published, site, below=f"{name}/")
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
    page = template("leaderboard.html.j2").render(
        suites=made,
        assets="assets",
        ranked=RANKED,
        submissions={
            status: [_submission(verdict) for verdict in submissions if verdict.status == status]
            for status in ("verified", "unverified")
        },
    )
    folder.add("index.html", page)
    folder.save()
    return out / "index.html"


def _submission(verdict: Verdict) -> dict[str, Any]:
    """Return what a page shows of a submission: what it says of itself, and its main means."""
    return {
        "about": verdict.about,
        "reason": verdict.reason,
        "sha256": verdict.sha256,
        "cases": len(verdict.scores) or NOTHING,
        "scores": [_mean(verdict, measure) for measure in RANKED],
    }


def _mean(verdict: Verdict, measure: Metric) -> str:
    if measure.name not in verdict.scores:
        return NOTHING
    mean = float(verdict.scores[measure.name].astype(float).mean(skipna=False))
    return NOTHING if math.isnan(mean) else f"{mean:.{measure.digits}f}"
