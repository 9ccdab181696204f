"""The notes and problems of files, in lines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from topoeval.cli.habits import problems_to
from topoeval.cli.output import escape
from topoeval.evaluate import Problem

# Of more notes of one kind than this only the number is printed.
_LINES = 5


def shortened(notes: Sequence[str]) -> list[str]:
    """Return the notes; of many the first, and how many more there are."""
    if len(notes) <= _LINES:
        return list(notes)
    return [*notes[:_LINES], f"{len(notes) - _LINES} more such lines; inputs.csv has them all"]


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """Print what was chosen and which headers differ; of many lines the first."""
    for line in shortened(notes):
        console.print(f"note: {escape(line)}", highlight=False, soft_wrap=True)


def print_problems(console: Console, problems: Sequence[Problem], scored: int) -> None:
    """Print a line per problem, and how many cases are without one."""
    console = problems_to(console)
    for problem in problems:
        console.print(f"[red]left out[/] {escape(problem.message)}", soft_wrap=True)
    if problems:
        cases = "1 case" if scored == 1 else f"{scored} cases"
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        console.print(f"{cases} done, {count}")
