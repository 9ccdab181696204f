"""Tables of a record: for the terminal, and as Markdown with the machine in its caption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from topoeval.backend_timing.cases import Case
from topoeval.backend_timing.figure import draw
from topoeval.backend_timing.record import Quartiles, Record, Row

RECORDS = "records.json"
_RESOLUTION = 0.5  # MiB; the kernel keeps the size of a process in counts that lag by some pages
Cell = Callable[[Row], str]


def write(record: Record, out: Path) -> list[Path]:
    """Write records, tables and figures into a folder; return what was written.

    The same records give the same files, byte for byte, the PNG apart.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / RECORDS, out / "README.md"]
    record.save(paths[0])
    figures = draw(record, out)
    paths[1].write_text(markdown(record, [path for path in figures if path.suffix == ".svg"]))
    return paths + figures


def terminal(record: Record) -> RenderableType:
    """Return the tables for a terminal."""
    parts: list[RenderableType] = []
    for title, cell in _tables(record).items():
        header, body = _matrix(record, cell)
        table = Table(title=Text(title), title_justify="left", box=None, header_style="bold")
        for column, name in enumerate(header):
            table.add_column(name, justify="left" if column < 3 else "right", no_wrap=True)
        for line in body:
            table.add_row(*map(Text, line))  # a bracket is no markup
        parts += [table, Text()]
    return Group(*parts, Text("\n".join(_caption(record))))


def markdown(record: Record, figures: list[Path]) -> str:
    """Return the page of a results folder."""
    lines = ["# Persistence engines side by side", "", *_caption(record), ""]
    lines += [f"![]({path.name})" for path in figures]
    for title, cell in _tables(record).items():
        header, body = _matrix(record, cell)
        left = ("left",) * 3 + ("right",) * (len(header) - 3)
        table = pd.DataFrame(body, columns=header).to_markdown(
            index=False, disable_numparse=True, colalign=left
        )
        lines += ["", f"## {title}", "", table]
    return "\n".join(lines) + "\n"


def _tables(record: Record) -> dict[str, Cell]:
    def time(row: Row) -> str:
        if row.status == "over budget":
            return f"> {record.budget_s:g} s"
        if row.cpu_s is None:
            return row.status
        return f"{_milliseconds(row.cpu_s)}{'' if row.repeats > 1 else ' (1)'}"

    def wall(row: Row) -> str:
        return "" if row.wall_s is None else _milliseconds(row.wall_s)

    def rate(row: Row) -> str:
        speed = row.voxels_per_second
        return "" if speed is None else f"{speed / 1e6:.3g}"

    def memory(row: Row) -> str:
        if row.peak_bytes is None:
            return ""
        mebibytes = row.peak_bytes / 2**20
        return f"{mebibytes:.1f}" if mebibytes >= _RESOLUTION else f"< {_RESOLUTION}"

    tables: dict[str, Cell] = {
        "CPU time in ms: median [middle half]": time,
        "Wall time in ms: median [middle half]": wall,
        "Million voxels per second of CPU time": rate,
    }
    if any(row.peak_bytes is not None for row in record.rows):
        tables["Peak memory of one call in MiB, its input left out"] = memory
    return tables


def _matrix(record: Record, cell: Cell) -> tuple[list[str], list[list[str]]]:
    """Return header and lines: a case a line, a backend a column, nothing where it does not apply.

    Lines in which no backend has anything to say are left out.
    """
    cells: dict[Case, dict[str, str]] = {}
    for row in record.rows:
        cells.setdefault(row.case, {})[row.backend] = cell(row)
    values_only = {name for name, title in record.titles.items() if "values only" in title}
    header = ["", "size", "image"]
    header += [f"{name} *" if name in values_only else name for name in record.titles]
    body = [
        [case.construction, case.size, case.kind, *(line.get(name, "") for name in record.titles)]
        for case, line in cells.items()
        if any(line.values())
    ]
    return header, body


def _milliseconds(value: Quartiles) -> str:
    low, middle, high = (_three(1e3 * part) for part in (value.q1, value.median, value.q3))
    return f"{middle} [{low}, {high}]"


def _three(value: float) -> str:
    """Return three significant digits, never as a power of ten.

    >>> _three(12345.6), _three(0.01234)
    ('12300', '0.0123')
    """
    return f"{float(f'{value:.3g}'):.10g}"


def _caption(record: Record) -> list[str]:
    environment = record.environment
    titles = "; ".join(f"{name}: {title}" for name, title in record.titles.items())
    versions = ", ".join(f"{name} {v}" for name, v in environment["versions"].items() if v)
    load = environment["load_average"]
    loaded = "" if load is None else f", load average before the run {load:.2f}"
    lines = [
        f"Backends: {titles}. Those marked * give values only, no voxels: no loss can use them.",
        "One image a call through its topoeval adapter, float32 in, superlevel, plain border, all "
        "dimensions that the backend computes. V and T: docs/backends.md.",
        f"Backends took turns; {record.budget_s:g} s per backend and case. (1): one call, the rest "
        "did not fit. Sizes beyond the first over the budget were not tried.",
        f"Machine: {environment['cpu']}, {environment['cores']} cores, "
        f"{environment['memory_bytes'] / 2**30:.0f} GiB, {environment['platform']}{loaded}; "
        f"OMP_NUM_THREADS={environment['threads']}, Python {environment['python']}.",
        f"Versions: {versions}; topoeval commit {environment['topoeval']['commit']}.",
    ]
    wrong = record.disagreements()
    if wrong:
        lines += ["**The backends disagree** on the number of bars:", *wrong]
    else:
        lines.append("All backends count the same bars in every case and dimension they share.")
    lines += [
        f"{row.backend}, {row.case.construction} {row.case.size} {row.case.kind}: "
        f"{row.status} {row.note}"
        for row in record.rows
        if row.note and row.status != "over budget"
    ]
    return lines
