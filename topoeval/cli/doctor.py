"""``topoeval doctor`` and ``topoeval check``."""

from __future__ import annotations

from typing import Annotated

import typer

from topoeval.cli.habits import AsJson

_STYLES = {
    "installed": "green",
    "missing": "yellow",
    "broken": "bold red",
    "needs data": "cyan",
    "unknown": "dim",
}
_OUTCOMES = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


def doctor(as_json: AsJson = False) -> None:
    """Say which libraries and data topoeval finds here, what is broken, and how to get the rest.

    Examples:
    topoeval doctor
    """
    from rich.table import Table
    from rich.text import Text

    from topoeval.cli.examination import CORE, TRAINING, examine
    from topoeval.cli.habits import print_json
    from topoeval.cli.terminal import Terminal

    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the tables read well at this one
        console = Terminal(width=110)
    broken = False
    document = {}
    for part, findings in examine():
        document[part] = findings
        table = Table(title=part, title_justify="left", box=None, show_header=False)
        table.add_column(min_width=18, no_wrap=True)
        table.add_column(min_width=10, no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            state = Text(finding.state, _STYLES[finding.state])
            table.add_row(finding.name, state, Text(finding.detail))
            broken |= finding.state == "broken" and part in (CORE, TRAINING)
            broken |= finding.state == "missing" and part == CORE
        console.print(table)
        console.print()
    if as_json:
        print_json({"broken": broken, "parts": document})
    if broken:
        console.print("This installation is broken: reinstall topoeval and what is named above.")
    raise typer.Exit(1 if broken else 0)


def check(
    name: Annotated[str, typer.Argument(help="Name of a backend (topoeval list backends).")],
    as_json: AsJson = False,
) -> None:
    """Test that a backend computes the right barcodes.

    Examples:
    topoeval check native
    """
    from rich.table import Table
    from rich.text import Text

    from topoeval.cli.habits import print_json
    from topoeval.cli.terminal import Terminal
    from topoeval.testing import check_backend

    console = Terminal()
    results = check_backend(name)
    table = Table(box=None, show_header=False)
    for result in results:
        outcome = Text(result.outcome, _OUTCOMES[result.outcome])
        table.add_row(result.name, outcome, Text(result.message))
    console.print(table)
    counts = {known: sum(r.outcome == known for r in results) for known in _OUTCOMES}
    console.print(f"{name}: " + ", ".join(f"{count} {known}" for known, count in counts.items()))
    if as_json:
        print_json(results)
    raise typer.Exit(1 if counts["failed"] else 0)
