"""Write the table of columns in docs/metrics.md from the registry of metrics.

python docs/make_metrics.py
"""

from pathlib import Path

from topoeval.metrics.catalogue import BUILTIN

PAGE = Path(__file__).parent / "metrics.md"
BEGIN = "<!-- columns: written by docs/make_metrics.py, never by hand -->\n"
END = "<!-- /columns -->\n"
HEADS = (
    "column", "what", "better", "range", "unit", "depends on", "classes", "cost", "revision",
    "both empty", "prediction empty", "target empty", "function",
)  # fmt: skip


def table() -> str:
    """Return a row per metric of this package."""
    rows = [HEADS, ("---",) * len(HEADS)]
    for metric in BUILTIN:
        low, high = metric.range
        dims = "" if metric.spatial_dims == (2, 3) else " (2D only)"
        empty = metric.empty
        rows.append(
            (
                f"`{metric.name.format(k='K')}`",
                metric.title.format(k="K") + dims,
                metric.direction or "-",
                f"{low:g} to {'∞' if high is None else f'{high:g}'}",
                "as spacing" if metric.unit == "spacing" else metric.unit or "-",
                ", ".join(need for need in metric.needs if need != "masks") or "-",
                metric.over_classes,
                metric.cost,
                str(metric.revision),
                *(str(rule) for rule in (empty.both, empty.prediction, empty.target)),
                f"`{metric.function}`",
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page() -> str:
    """Return docs/metrics.md with its table as the registry has it."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
