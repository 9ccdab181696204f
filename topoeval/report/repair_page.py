"""The page of ``topoeval repair``: each file before and after, with its edits marked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from topoeval.images.reading import Reading, read_labels
from topoeval.repair.edits import CREATING, SHORT_BAR
from topoeval.repair.files import RepairedClass, RepairedFile
from topoeval.report.drawing import Drawing, figure_markup
from topoeval.report.folder import write_text
from topoeval.report.overlay import AGREED, GROUND, Mark, Panel, draw_panels
from topoeval.report.template import template

MOST_PICTURES = 24
"""Classes of files that are drawn."""
MOST_ROWS = 500
"""Edits that the table has."""

_ADDED, _TAKEN, _CREATED, _REMOVED = "#009E73", "#D55E00", "#0072B2", "#000000"
_LEGEND = {
    "as before": AGREED,
    "added": _ADDED,
    "taken away": _TAKEN,
    "circle: a feature was removed": _REMOVED,
    "circle: one was created": _CREATED,
}
_POLISH = ("thicken", "settle")
# of the longer side of a picture: a circle around a single voxel is still seen, and none covers it
_RADII = 0.025, 0.2
_MOST_MARKS = 40
_PICTURE = 3.0
_HEADS = ("file", "class", "kind", "cost", "bar", "voxels", "i", "j", "k")
_CAPTION = (
    f"Circles are around the middle of edits, of the {_MOST_MARKS} largest in a picture, and none "
    "around what thickens paths or moves borders. A volume is seen along its shortest axis."
)

Edited = tuple[str, int, RepairedClass]  # the file, the label, and what was done


def write_repair_page(
    path: Path,
    done: Mapping[str, RepairedFile],
    reading: Reading,
    names: Mapping[int, str],
    lines: Sequence[str],
    refused: Sequence[str],
    *,
    are_wanted: bool,
) -> None:
    """Write the page: what became of each file, pictures, a row for each edit.

    Pictures are of classes whose numbers are not met first, then of those of which most voxels
    flipped. The files are read again for them, one at a time.

    Parameters
    ----------
    path
        The file to write.
    done
        What was done, by the name of the file.
    reading
        What the values of the files mean; they are written as they were read.
    names
        Names of classes by label.
    lines
        How it was done, a line each.
    refused
        Messages about files that were not repaired.
    are_wanted
        Whether numbers were wanted; otherwise none can be met.
    """
    found = [
        (name, label, one) for name, file in done.items() for label, one in file.classes.items()
    ]
    edited = sorted(
        (one for one in found if one[2].flipped), key=lambda one: (one[2].met, -one[2].flipped)
    )
    rows = [
        [name, names.get(row["class"], row["class"]), *(_text(row.get(key)) for key in _HEADS[2:])]
        for name, file in done.items()
        for row in file.rows
    ]
    told = list(lines)
    if len(edited) > MOST_PICTURES:
        told.append(
            f"pictures of {MOST_PICTURES} of {len(edited)}: first those whose numbers are not met, "
            "then those of which most voxels flipped"
        )
    if len(rows) > MOST_ROWS:
        told.append(f"the first {MOST_ROWS} of {len(rows)} edits are listed; --report has all")
    figures = [
        _draw(f"repair-{number}", one, done[one[0]], reading, names)
        for number, one in enumerate(edited[:MOST_PICTURES])
    ]
    page = template("files.html.j2").render(
        kicker="topoeval repair",
        title=_count(len(done), "file"),
        lead=_lead(found, len(rows), are_wanted),
        lines=told,
        opening=[
            {
                "title": "Before and after",
                "figures": [figure_markup(figure) for figure in figures],
                "legend": _LEGEND,
                "models": 2,
                "caption": _CAPTION,
            },
            _glance(found, names, are_wanted),
        ],
        figures=[],
        tables=[{"title": "Edits", "heads": list(_HEADS), "rows": rows[:MOST_ROWS]}],
        problems=[{"message": message} for message in refused],
    )
    write_text(path, page)


def _lead(found: Sequence[Edited], edits: int, are_wanted: bool) -> str:
    flipped = sum(one.flipped for _, _, one in found)
    done = f"{_count(edits, 'edit')} flipped {_count(flipped, 'voxel')}"
    if not are_wanted:
        return done
    classes = "masks" if len({label for _, label, _ in found}) < 2 else "masks of classes"
    met = sum(one.met for _, _, one in found)
    return f"Numbers met in {met} of {len(found)} {classes}: {done}"


def _glance(found: Sequence[Edited], names: Mapping[int, str], are_wanted: bool) -> dict[str, Any]:
    rows = []
    for name, label, one in sorted(found, key=lambda one: (one[2].met, one[0], one[1])):
        doubt = f"a bar of {one.shortest_bar:.3f} < {SHORT_BAR:g}" if one.doubtful else "-"
        rows.append(
            [
                name,
                names.get(label, label),
                _numbers(one.before),
                _numbers(one.after),
                *(["yes" if one.met else "NO"] if are_wanted else []),
                ", ".join(f"{count} {kind}" for kind, count in one.kinds.items()) or "-",
                one.flipped,
                doubt,
            ]
        )
    met = ["met"] if are_wanted else []
    heads = ["file", "class", "before", "after", *met, "edits", "voxels flipped", "in doubt"]
    phrases = [heads.index("edits")]
    return {"title": "Betti numbers", "heads": heads, "rows": rows, "phrases": phrases}


def _draw(
    name: str,
    edited: Edited,
    file: RepairedFile,
    reading: Reading,
    names: Mapping[int, str],
) -> Drawing:
    """Draw a class of a file before and after."""
    title, label, one = edited
    before, after = (
        np.asarray(read_labels(place, reading).array == label)
        for place in (file.source, file.target)
    )
    axis = None if before.ndim == 2 else int(np.argmin(before.shape))
    shape = [side for number, side in enumerate(before.shape) if number != axis]
    rows = [row for row in file.rows if row["class"] == label and row["kind"] not in _POLISH]
    largest = sorted(rows, key=lambda row: -row["voxels"])[:_MOST_MARKS]
    marks = tuple(_mark(row, axis, max(shape)) for row in largest)
    counts = Counter(row["kind"] for row in rows)
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "borders alone"
    panels = [
        Panel("before", _picture(before, before, axis), f"Betti {_numbers(one.before)}", marks),
        Panel(
            "after" if one.met else "after, NOT MET",
            _picture(before, after, axis),
            f"Betti {_numbers(one.after)}: {words}",
            marks,
        ),
    ]
    of_class = f", class {names.get(label, label)}" if len(file.classes) > 1 else ""
    return draw_panels(name, f"{title}{of_class}", "", "", panels, {}, 2, _PICTURE)


def _picture(
    before: NDArray[np.bool_], after: NDArray[np.bool_], axis: int | None
) -> NDArray[np.float64]:
    layers = ((before & after, AGREED), (before & ~after, _TAKEN), (after & ~before, _ADDED))
    flat = [(mask if axis is None else mask.any(axis=axis), colour) for mask, colour in layers]
    picture = np.full((*flat[0][0].shape, 3), to_rgb(GROUND))
    for mask, colour in flat:
        picture[mask] = to_rgb(colour)
    return picture


def _mark(row: Mapping[str, Any], axis: int | None, side: int) -> Mark:
    """Return a circle about as large as the edit."""
    place = [row[key] for number, key in enumerate("ijk") if key in row and number != axis]
    least, most = (share * side for share in _RADII)
    radius = min(max(math.sqrt(row["voxels"] / math.pi) + 2, least), most)
    colour = _CREATED if row["kind"] in CREATING else _REMOVED
    return Mark(place[0], place[1], radius, colour)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _numbers(betti: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, betti))})"


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
