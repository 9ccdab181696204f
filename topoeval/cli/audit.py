"""``topoeval audit``: the topology of labels, and what in them looks like a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topoeval.cli.evaluate import CORES, Axes, Betti, Classes, Ignore, Jobs, Labels, Lossy
from topoeval.cli.habits import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from topoeval.evaluate import Audit


def audit(
    files: Annotated[Path, typer.Argument(help="A mask or label map, or a folder of them.")],
    topology: Annotated[
        str,
        typer.Option(
            help="Which voxels of the foreground touch where specks, pinholes and cut edges are "
            "looked for: T or V, in full CONSTRUCTION-DIRECTION-BORDER. Betti numbers are printed "
            "for both."
        ),
    ] = "T",
    betti: Betti = None,
    classes: Classes = None,
    labels: Labels = None,
    ignore: Ignore = None,
    lossy: Lossy = False,
    axes: Axes = None,
    jobs: Jobs = CORES,
    out: Annotated[Path, typer.Option(help="Folder to write to: the numbers as CSV.")] = Path(
        "audit"
    ),
    html: Annotated[bool, typer.Option("--html", help="Write a page with pictures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print Betti numbers of masks, and what looks like a mistake: specks, pinholes, cut edges.

    Of one file the numbers, of a folder their means and largest values. Betti numbers are given
    twice: under T voxels of the foreground touch through corners (in 3D edges, too), under V
    through faces alone; where the two differ, parts touch at corners or edges only. With --betti
    the share of masks that have these numbers is printed. Reads the formats that 'topoeval
    evaluate' reads.

    Examples:
    topoeval audit mask.png

    topoeval audit LABELS --betti 1,0 --html
    """
    from dataclasses import replace

    from topoeval.cli.evaluation import check_axes
    from topoeval.cli.habits import print_json, rows
    from topoeval.cli.notes import print_notes, print_problems
    from topoeval.cli.output import escape
    from topoeval.cli.places import check_folder
    from topoeval.cli.progress import progress
    from topoeval.cli.terminal import Terminal
    from topoeval.csv_tables import to_csv
    from topoeval.evaluate import audit as look_at
    from topoeval.evaluate import parse_classes, parse_priors, read_label_names
    from topoeval.evaluate.audit import CONSTRUCTIONS
    from topoeval.topology import Topology
    from topoeval.whole_file import write_text

    check_folder(out)
    console = Terminal()
    with progress(console) as listener:
        found = look_at(
            files,
            Topology.parse(topology),
            None if classes is None else parse_classes(classes),
            parse_priors(betti or ()),
            jobs,
            listener,
            names=read_label_names(labels) if labels else None,
            ignore=ignore,
            lossy=lossy,
            axes=check_axes(axes),
        )
    lines, names = [], []
    if len(found.cases):
        write_text(out / "cases.csv", to_csv(found.cases))
        write_text(out / "table.csv", to_csv(found.table()))
        lines = [
            f"values: {found.reading.line}",
            f"{len(found.files)} label maps; classes {', '.join(found.classes.names)}",
            f"specks, pinholes and edges: {found.topology}",
        ]
        # files of three axes have a third Betti number
        dims = found.cases.filter(like="b2_").notna().any(axis=1) if "b2_V" in found.cases else None
        ndims = {2} if dims is None else {3 if volume else 2 for volume in dims}
        for ndim in sorted(ndims):
            for name in CONSTRUCTIONS:
                read = replace(found.topology, construction=name)
                lines.append(f"Betti numbers {name}: {read.describe(ndim)}")
        if html:
            from topoeval.report.files_page import write_audit_page

            write_audit_page(found, out / "index.html", lines)
        console.print(_table(found))
        for line in lines:
            console.print(escape(line), highlight=False, soft_wrap=True)
        names = ["cases.csv", "table.csv"] + ["index.html"] * html
        console.print(f"{escape(str(out))}: {', '.join(names)}", soft_wrap=True)
    print_notes(console, found.notes)
    print_problems(console, found.problems, len(found.files))
    if as_json:
        print_json(
            {
                "files": len(found.files),
                "conventions": lines,
                "table": rows(found.table()) if lines else [],
                "cases": rows(found.cases),
                "notes": found.notes,
                "problems": [problem.message for problem in found.problems],
                "written": [out / name for name in names],
            }
        )
    raise typer.Exit(1 if found.problems else 0)


def _table(found: Audit) -> Table:
    from rich.table import Table

    from topoeval.cli.output import escape

    table = Table("class", "question", "mean", "largest", "cases above 0", box=None)
    for row in found.table().to_dict("records"):
        table.add_row(
            escape(str(row["class"])),
            row["question"].replace("_", " "),
            f"{row['mean']:.4g}",
            f"{row['largest']:.4g}",
            f"{100 * row['cases_above_0']:.0f} %",
        )
    return table
