"""How far a command is: a bar on a terminal, a line now and then without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from topoeval.cli.habits import is_quiet

EVERY_S = 30.0
"""Seconds between two lines where there is no terminal."""


class Lines:
    """Lines on standard error, no two within so many seconds.

    Parameters
    ----------
    every_s
        Those seconds; the first line waits as long, so that quick commands print none.
    clock
        Seconds of a clock that only rises.
    """

    def __init__(
        self, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._told_at = clock()

    def tell(self, line: Callable[[], str]) -> None:
        """Print what `line` returns, if it is time to and nobody asked for quiet."""
        now = self._clock()
        if now - self._told_at < self._every_s or is_quiet():
            return
        self._told_at = now
        print(line(), file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(42), duration(5025), duration(180000)
    ('42 s', '1 h 23 min', '2 d 2 h')
    """
    for unit, name, lower in ((86400, "d", "h"), (3600, "h", "min")):
        if seconds >= unit:
            part = {"h": 3600, "min": 60}[lower]
            return f"{int(seconds // unit)} {name} {int(seconds % unit // part)} {lower}"
    return f"{int(seconds // 60)} min" if seconds >= 120 else f"{int(seconds)} s"


@contextmanager
def progress(
    console: Console, lines: Lines | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str, int, int], None]]:
    """Show how many cases each stage has done and what time is left.

    Parameters
    ----------
    console
        On a terminal bars are drawn here.
    lines
        Without a terminal each of these says one stage.
    clock
        Seconds of a clock that only rises.
    """
    lines = lines or Lines(clock=clock)
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    tasks = {}
    begun: dict[str, tuple[float, int]] = {}
    with display:

        def listen(stage: str, done: int, total: int) -> None:
            began, before = begun.setdefault(stage, (clock(), done))
            if not console.is_terminal:
                lines.tell(lambda: _line(stage, done, total, clock() - began, done - before))
                return
            if stage not in tasks:
                tasks[stage] = display.add_task(stage, total=total)
            display.update(tasks[stage], completed=done)

        yield listen


def _line(stage: str, done: int, total: int, passed_s: float, steps: int) -> str:
    """Return a line; the time left is what the rest takes at the pace since the first report.

    >>> _line("cases", 40, 100, 60.0, 30)
    'cases: 40 of 100, about 2 min left'
    """
    left = f", about {duration(passed_s / steps * (total - done))} left" if steps else ""
    return f"{stage}: {done} of {total}{left}"
