"""Write the times in docs/backends.md from the records in results/backends.

python docs/make_backends.py
"""

from pathlib import Path

from topoeval.backend_timing.record import Record, Row

DOCS = Path(__file__).parent
PAGE = DOCS / "backends.md"
RECORDS = DOCS.parent / "results" / "backends" / "records.json"
SIZES = ("128x128", "512x512", "64x64x64")
BEGIN = "<!-- timings: written by docs/make_backends.py, never by hand -->\n"
END = "<!-- /timings -->\n"


def timings(record: Record) -> str:
    """Return a Markdown table: a sort of image a row, a backend a column."""
    cases = sorted(
        {row.case for row in record.rows if row.case.size in SIZES and row.case.kind != "smooth"},
        key=lambda case: (SIZES.index(case.size), case.kind, case.construction == "T"),
    )
    found = {(row.backend, row.case): row for row in record.rows}
    lines = ["| image | | " + " | ".join(f"`{name}`" for name in record.titles) + " |"]
    lines.append("|---|---" + "|---:" * len(record.titles) + "|")
    for case in cases:
        cells = [_cell(found.get((name, case)), record.budget_s) for name in record.titles]
        lines.append(f"| {case.size} {case.kind} | {case.construction} | {' | '.join(cells)} |")
    caption = (
        "CPU time in ms of one call for one image, median: superlevel, plain border, all "
        f"dimensions; {record.environment['cpu']}, one thread, between calls of the others.\n"
        "All sizes and kinds, wall time, memory and versions: "
        "[results/backends](../results/backends/README.md)."
    )
    return "\n".join([*lines, "", caption, ""])


def _cell(row: Row | None, budget_s: float) -> str:
    if row is None:
        return ""
    if row.status == "over budget":
        return f"> {1000 * budget_s:.0f}"
    return row.status if row.cpu_s is None else f"{1000 * row.cpu_s.median:.3g}"


def page() -> str:
    """Return docs/backends.md with its times as the records have them."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + timings(Record.load(RECORDS)) + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
