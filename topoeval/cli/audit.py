"""``topoeval audit``: what labels are like before anyone is judged by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from topoeval.cli.evaluate import print_problems, progress
from topoeval.evaluate import Audit, audit, parse_classes, parse_priors
from topoeval.topology import Topology


def audit_files(
    labels: Path,
    *,
    topology: str,
    betti: Sequence[str],
    classes: str | None,
    jobs: int,
    out: Path,
    html: bool,
) -> int:
    """Look at labels, write and print the table; return the number of problems."""
    console = Console()
    with progress(console) as listener:
        found = audit(
            labels,
            Topology.parse(topology),
            parse_classes(classes) if classes else None,
            parse_priors(betti),
            jobs,
            listener,
        )
    if len(found.cases):
        out.mkdir(parents=True, exist_ok=True)
        found.cases.to_csv(out / "cases.csv", index=False)
        found.table().to_csv(out / "table.csv", index=False)
        lines = [
            f"{len(found.files)} label maps; classes {', '.join(found.classes.names)}",
            f"specks, pinholes and edges: {found.topology}; Betti numbers under V and T",
        ]
        if html:
            from topoeval.report.files_page import write_audit_page

            write_audit_page(found, out / "index.html", lines)
        console.print(_table(found))
        for line in lines:
            console.print(line, highlight=False, soft_wrap=True)
        names = ["cases.csv", "table.csv"] + ["index.html"] * html
        console.print(f"{out}: {', '.join(names)}", soft_wrap=True)
    print_problems(console, found.problems, len(found.files))
    return len(found.problems)


def _table(found: Audit) -> Table:
    table = Table("class", "question", "mean", "largest", "cases above 0", box=None)
    for row in found.table().to_dict("records"):
        table.add_row(
            row["class"],
            row["question"].replace("_", " "),
            f"{row['mean']:.4g}",
            f"{row['largest']:.4g}",
            f"{100 * row['cases_above_0']:.0f} %",
        )
    return table
