"""The display of a running sweep: counts, the running runs with their progress, the time left."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from topoeval.cli.habits import problems_to
from topoeval.cli.progress import Lines, duration
from topoeval.harness.runs.progress import RunState, run_state
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import Event
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec

_ROWS = 16
_REFRESH_S = 2.0
_SILENT_S = 60.0


class SweepDisplay:
    """A renderable that a sweep reports to."""

    def __init__(self, total: int, store: Store, slots: int, console: Console) -> None:
        self._total = total
        self._store = store
        self._slots = slots
        self._console = console
        self._active: dict[str, RunSpec] = {}
        self._statuses: Counter[str] = Counter()
        self._kept = 0
        self._walls: list[float] = []
        self._states: list[RunState] = []
        self._read_at = float("-inf")
        self._lines = Lines()

    def listen(self, event: Event, spec: RunSpec, record: Record | None) -> None:
        """Take in what a sweep reports; a failure is printed above the display."""
        if event == "started":
            self._active[spec.id] = spec
            return
        self._active.pop(spec.id, None)
        assert record is not None
        self._statuses[record.status] += 1
        if event == "kept":
            self._kept += 1
        elif record.timing.wall_s is not None:
            self._walls.append(record.timing.wall_s)
        if not record.ok:
            said = f"{record.status} ({record.fault}) {record.reason}"
            problems_to(self._console).print(f"{spec.label}: {said}", markup=False)
        if not self._console.is_terminal:
            self._lines.tell(self._counted)

    def _counted(self) -> str:
        """Return how many runs ended how, and the time left, as a line."""
        counts = [f"{sum(self._statuses.values())}/{self._total}"]
        counts += [f"{count} {status}" for status, count in sorted(self._statuses.items())]
        if self._kept:
            counts.append(f"{self._kept} found finished")
        if (left := self._left_s()) is not None:
            counts.append(f"about {duration(left)} left")
        return ", ".join(counts)

    def __rich__(self) -> RenderableType:
        done = sum(self._statuses.values())
        head = Table.grid(padding=(0, 1))
        head.add_row(
            ProgressBar(total=max(1, self._total), completed=done, width=30),
            Text(self._counted()),
        )
        return Group(head, self._at_work())

    def _at_work(self) -> RenderableType:
        now = time.monotonic()
        if now - self._read_at > _REFRESH_S:
            self._states = [run_state(spec, self._store) for spec in list(self._active.values())]
            self._read_at = now
        states = [state for state in self._states if state.spec.id in self._active]
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for state in states[:_ROWS]:
            table.add_row(*state_cells(state))
        if len(states) > _ROWS:
            table.add_row(f"and {len(states) - _ROWS} more")
        return table

    def _left_s(self) -> float | None:
        """Return the time that is left if runs go on to take what those of this sweep took."""
        left = self._total - sum(self._statuses.values())
        if not self._walls or not left:
            return None
        mean = sum(self._walls) / len(self._walls)
        return mean * max(1.0, left / self._slots)


def state_cells(state: RunState) -> tuple[str, Text, str, str, str]:
    """Return label, status, how far, memory and silence of a run."""
    memory = f"{state.rss_bytes / 2**30:.1f} GiB" if state.rss_bytes else ""
    silence = ""
    if state.silent_s is not None and state.silent_s > _SILENT_S:
        silence = f"silent for {duration(state.silent_s)}"
    status = Text(state.status, STYLES.get(state.status, "bold red"))
    return state.spec.label, status, state.step, memory, silence


STYLES = {"ok": "green", "running": "cyan", "waiting": "dim", "lost": "yellow"}
