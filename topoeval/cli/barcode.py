"""``topoeval barcode``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from topoeval.cli.habits import AsJson

# As many different whole numbers may be labels.
_LABELS = 12

if TYPE_CHECKING:
    from topoeval.persistence import Barcodes


def barcode(
    image: Annotated[
        Path,
        typer.Argument(
            help="An image file, grey, 2D or 3D, of the formats that 'topoeval evaluate' reads."
        ),
    ],
    topology: Annotated[
        str,
        typer.Option(
            help="How the image is read: T or V alone, or in full CONSTRUCTION-DIRECTION-BORDER."
        ),
    ] = "T-superlevel-plain",
    backend: Annotated[
        str, typer.Option(help="Backend to compute it; auto takes native.")
    ] = "auto",
    label: Annotated[
        Optional[int],  # noqa: UP045  # typer reads the annotation at run time
        typer.Option(
            min=0, help="Take the image as a label map: 1 where it has this label, 0 elsewhere."
        ),
    ] = None,
    bars: Annotated[
        int, typer.Option(min=1, help="How many bars to print per dimension, the longest ones.")
    ] = 10,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture to draw, of image, bars and diagram: .png, .svg or .pdf."),
    ] = None,
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write a page with a slider for the threshold, IMAGE.html in the current folder.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the picture and the page that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the barcode of an image, its topology at every threshold; draw it where that is asked.

    Each bar is printed with its birth and death and the voxels where they happen, counted from 0 in
    the order of the array's axes: row, column of an image; slice, row, column of a volume; x, y, z
    of NIfTI and MGZ. Values are read as grey, and a line says which there are: also in a label map,
    where 2 is then brighter than 1 and no class of its own. --label takes one class of it.

    Examples:
    topoeval barcode scan.nii.gz --topology V --html

    topoeval barcode labels.png --label 2
    """
    from topoeval.cli.habits import print_json
    from topoeval.cli.places import check_file, check_not_there
    from topoeval.cli.terminal import Terminal
    from topoeval.errors import UserError
    from topoeval.images import image_name, read_image, split_inside
    from topoeval.persistence import compute
    from topoeval.topology import Topology

    source, _ = split_inside(image)
    if out is not None:
        if out.suffix not in (".png", ".svg", ".pdf"):
            raise UserError(f"{out}: a picture ends in .png, .svg or .pdf")
        check_file(out)
        check_not_there(out, source, overwrite)
    page = Path(f"{image_name(image)}.html")
    if html:
        check_file(page, "--html")
        check_not_there(page, source, overwrite, "--html")
    read = read_image(image)
    array = read.array
    colours = array.ndim == 3 and array.shape[-1] in (3, 4)
    if array.ndim not in (2, 3) or read.channel_axis is not None or colours:
        raise UserError(
            f"{image}: an array of shape {array.shape} is no grey image of two or three axes; "
            "save one channel of it"
        )
    _check_finite(array, image)
    values, told = _read_as(array, label)
    if label is not None:
        array = values
    found = compute(array[None], Topology.parse(topology), backend=backend, spatial_dims=array.ndim)
    console = Terminal()
    if as_json:
        print_json(_document(found, image, told))
    console.print(
        f"{image.name}: {found.topology.describe(array.ndim)}", highlight=False, markup=False
    )
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    for dim in found.dims:
        console.print(_table(found, dim, bars))
    if out is not None:
        _draw(array, found, out)
        console.print(f"{out}", soft_wrap=True)
    if html:
        from topoeval.plot import barcode_page
        from topoeval.whole_file import write_text

        write_text(page, barcode_page(array, found, title=image.name))
        console.print(f"{page}", soft_wrap=True, markup=False)


def _check_finite(array: Any, image: Path) -> None:
    import numpy as np

    from topoeval.errors import UserError

    # of other types no value is NaN or infinite
    bad = int((~np.isfinite(array)).sum()) if array.dtype.kind in "fc" else 0
    if bad:
        raise UserError(
            f"{image}: {bad} of {array.size} values are NaN or infinite; save it with finite "
            "numbers in their place, for example by numpy.nan_to_num"
        )


def _read_as(array: Any, label: int | None) -> tuple[Any, str]:
    """Return the image that was asked for, and a line that says what its values were read as.

    Raises
    ------
    UserError
        No pixel has the label.
    """
    import numpy as np

    from topoeval.errors import UserError

    distinct = np.unique(array)
    whole = array.dtype.kind in "bui" or bool(np.equal(np.mod(distinct, 1), 0).all())
    named = ", ".join(f"{value:g}" for value in distinct[:_LABELS].astype(float))
    if label is not None:
        if not (distinct == label).any():
            few = named if len(distinct) <= _LABELS else f"{named}, ..."
            raise UserError(f"--label {label}: no pixel has it; the values there are: {few}")
        return (array == label).astype(np.float32), f"label {label}: 1 there, 0 elsewhere"
    if whole and len(distinct) <= 2:
        return array, f"read as grey: a mask, its values are {named}"
    if whole and len(distinct) <= _LABELS:
        return array, (
            f"read as grey, although its values are few whole numbers ({named}): if they are "
            "labels of classes, say --label N for the barcode of one"
        )
    low, high = float(distinct[0]), float(distinct[-1])
    return array, f"read as grey: {len(distinct)} values from {low:g} to {high:g}"


def _document(found: Barcodes[Any], image: Path, told: str) -> dict[str, Any]:
    """Return all bars, for programs; places in the order of the axes."""
    bars = []
    for dim in found.dims:
        part = found.select(dim=dim)
        for bar, (birth, death) in enumerate(zip(part.birth, part.death, strict=True)):
            places = [_place(column, bar, part) for column in (part.birth_index, part.death_index)]
            born, dies = (
                [int(at) for at in place.split(", ")] if place else None for place in places
            )
            ends = {"birth": float(birth), "death": float(death)}
            bars.append({"dim": dim, **ends, "born_at": born, "dies_at": dies})
    return {
        "image": image,
        "topology": str(found.topology),
        "read_as": told,
        "shape": found.spatial_shape,
        "bars": bars,
    }


def _table(found: Barcodes[Any], dim: int, longest: int) -> Any:
    """Return the longest bars of a dimension as a table."""
    import numpy as np
    from rich.table import Table

    part = found.select(dim=dim)
    table = Table(
        title=f"H{dim}: {len(part)} bars", title_justify="left", box=None, header_style="bold"
    )
    for column in ("birth", "death", "length", "born at", "dies at"):
        table.add_column(column, justify="right")
    birth, death = part.birth.astype(np.float64), part.death.astype(np.float64)
    lengths = np.abs(birth - death)
    for bar in np.argsort(-lengths, kind="stable")[:longest]:
        places = (_place(column, bar, part) for column in (part.birth_index, part.death_index))
        values = (f"{value:.6g}" for value in (birth[bar], death[bar], lengths[bar]))
        table.add_row(*values, *places)
    if len(part) > longest:
        table.add_row(*["..."] * 5)
    return table


def _place(column: Any, bar: int, part: Barcodes[Any]) -> str:
    """Return the coordinates of a voxel in the order of the axes."""
    import numpy as np

    index = int(column[bar])
    if index < 0:
        return ""
    return ", ".join(str(int(at)) for at in np.unravel_index(index, part.spatial_shape))


def _draw(array: Any, found: Barcodes[Any], out: Path) -> None:
    from matplotlib.figure import Figure

    from topoeval.plot import plot_barcode, plot_diagram, plot_image
    from topoeval.whole_file import whole_file

    figure = Figure(figsize=(13, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    plot_image(array, found, ax=left)
    plot_barcode(found, ax=middle)
    plot_diagram(found, ax=right)
    figure.suptitle(found.topology.describe(array.ndim), x=0.005, ha="left", fontsize=10)
    with whole_file(out) as beside:
        figure.savefig(beside, dpi=150, format=out.suffix[1:])
