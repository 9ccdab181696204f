"""The figure of a record: time against size, both axes logarithmic, one line per backend."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from topoeval.backend_timing.record import Record, Row
from topoeval.report.drawing import Look, entitle, grid, looks, plotting, to_svg

_POWERS = {2: "²", 3: "³"}


def draw(record: Record, out: Path) -> list[Path]:
    """Draw one figure per kind of image, as SVG and PNG; return their paths."""
    paths = []
    for kind in dict.fromkeys(row.case.kind for row in record.rows):
        paths += _draw_kind(record, kind, out)
    return paths


def _draw_kind(record: Record, kind: str, out: Path) -> list[Path]:
    rows = [row for row in record.rows if row.case.kind == kind and row.cpu_s is not None]
    look = looks(list(record.titles))
    name = f"backends-{kind}"
    with plotting(name):
        figure = Figure(figsize=(8.4, 6.4), layout="constrained")
        panels = figure.subplots(2, 2, squeeze=False, sharey="row")
        for line, ndim in enumerate((2, 3)):
            for column, construction in enumerate(("V", "T")):
                axes = panels[line, column]
                shown = [
                    row
                    for row in rows
                    if (row.case.ndim, row.case.construction) == (ndim, construction)
                ]
                _panel(axes, shown, look, record)
                axes.set(
                    title=f"{ndim}D, {construction}-construction",
                    xlabel="side in pixels" if ndim == 2 else "side in voxels",
                    ylabel="CPU time (ms)" if column == 0 else "",
                )
        used = {row.backend for row in rows}
        handles = [_key(look[name], title) for name, title in record.titles.items() if name in used]
        machine, threads = (record.environment[key] for key in ("cpu", "threads"))
        footer = (
            f"{machine}, OMP_NUM_THREADS={threads}. Medians and middle halves of one image a "
            "call, superlevel, plain border. A line ends where a "
            f"call took longer than {record.budget_s:g} s. Open marks: values only, no voxels."
        )
        entitle(figure, f"What a barcode costs: {kind} images", footer, handles, ncols=2)
        svg, png = out / f"{name}.svg", out / f"{name}.png"
        svg.write_text(to_svg(figure))
        figure.savefig(png, dpi=150, metadata={"Software": None})
    return [svg, png]


def _panel(axes: Axes, rows: list[Row], look: dict[str, Look], record: Record) -> None:
    for backend in dict.fromkeys(row.backend for row in rows):
        points = sorted(
            (row.case.voxels, 1e3 * row.cpu_s.q1, 1e3 * row.cpu_s.median, 1e3 * row.cpu_s.q3)
            for row in rows
            if row.backend == backend and row.cpu_s is not None
        )
        voxels, low, middle, high = zip(*points, strict=True)
        hollow = "values only" in record.titles[backend]
        axes.plot(
            voxels, middle, color=look[backend].colour, marker=look[backend].mark, markersize=5,
            linewidth=1.4, markerfacecolor="white" if hollow else None,
        )  # fmt: skip
        axes.fill_between(voxels, low, high, color=look[backend].colour, alpha=0.18, linewidth=0)
    if rows:
        axes.set(xscale="log", yscale="log")
        sides = {row.case.voxels: f"{row.case.shape[0]}{_POWERS[row.case.ndim]}" for row in rows}
        axes.xaxis.set_major_locator(FixedLocator(sorted(sides)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda voxels, _: sides.get(int(voxels), "")))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    grid(axes)


def _key(look: Look, title: str) -> Line2D:
    face = "white" if "values only" in title else None
    return Line2D(
        [], [], color=look.colour, marker=look.mark, linewidth=1.4, markerfacecolor=face,
        label=title,
    )  # fmt: skip
