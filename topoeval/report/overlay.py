"""A mask on its truth, wrong components and holes in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch
from numpy.typing import NDArray

from topoeval.metrics import enclosed, label, wrong_regions
from topoeval.report.drawing import INK, Drawing, entitle, plotting, to_svg
from topoeval.topology import Topology

GROUND, AGREED, EXTRA, LACKING = "#f4f4f2", "#9aa0a6", "#5b6166", "#d5d8db"
WRONG = {
    "false component": "#D55E00",
    "missed component": "#0072B2",
    "false hole": "#CC79A7",
    "missed hole": "#56B4E9",
}
_SMALL = {"speck": "#D55E00", "pinhole": "#CC79A7"}
_CELL = 3.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A circle in a picture, in pixels."""

    row: float
    column: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture.

    Parameters
    ----------
    title
        Above it.
    picture
        ``(H, W, 3)`` floats in [0, 1].
    below
        Under it.
    marks
        What is circled.
    """

    title: str
    picture: NDArray[np.float64]
    below: str
    marks: tuple[Mark, ...] = ()


Plane = tuple[slice | int, ...]


def compared(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    topology: Topology,
    where: Plane | None = None,
) -> NDArray[np.float64]:
    """Return a picture of a pair of masks: agreement grey, wrong components and holes in colour.

    Of a volume the plane `where` is shown, by default the one with most wrong voxels across its
    shortest axis; what is wrong is always decided in the whole volume.
    """
    p, g = (prediction, target) if topology.superlevel else (~prediction, ~target)
    wrong = wrong_regions(p, g, topology)
    regions = {
        "false component": wrong.false_components,
        "missed component": wrong.missed_components,
        "false hole": wrong.false_holes,
        "missed hole": wrong.missed_holes,
    }
    marks = {name: found.labels > 0 for name, found in regions.items()}
    worst = np.any(list(marks.values()), axis=0)
    where = where or _slice(worst if worst.any() else p ^ g)
    picture = _painted(where, [(p & g, AGREED), (p & ~g, EXTRA), (~p & g, LACKING)])
    for name, mark in marks.items():
        picture[mark[where]] = to_rgb(WRONG[name])
    return picture


def agreement(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology
) -> NDArray[np.float64]:
    """Return a picture of a pair of masks in greys alone.

    For a slice whose volume is not at hand: what is a component of the slice may be joined outside.
    """
    p, g = (prediction, target) if topology.superlevel else (~prediction, ~target)
    whole = (slice(None), slice(None))
    return _painted(whole, [(p & g, AGREED), (p & ~g, EXTRA), (~p & g, LACKING)])


def thickest(target: NDArray[np.bool_]) -> Plane:
    """Return the plane of a volume with most foreground across its shortest axis; an image whole.

    It depends on the truth alone, so every prediction of a case is shown in the same plane.
    """
    return _slice(target)


def plain(mask: NDArray[np.bool_], topology: Topology, most: int) -> NDArray[np.float64]:
    """Return a picture of one mask, its components and holes of at most `most` voxels in colour."""
    p = mask if topology.superlevel else ~mask
    marks = {
        "speck": _small(label(p, topology.foreground_connectivity(p.ndim))[0], most),
        "pinhole": _small(enclosed(p, topology)[0], most),
    }
    worst = marks["speck"] | marks["pinhole"]
    where = _slice(worst if worst.any() else p)
    picture = _painted(where, [(p, AGREED)])
    for name, mark in marks.items():
        picture[mark[where]] = to_rgb(_SMALL[name])
    return picture


def legend() -> dict[str, str]:
    """Return what each colour of `compared` means."""
    return {
        **WRONG,
        "agreed": AGREED,
        "predicted only": EXTRA,
        "truth only": LACKING,
    }


def draw_labels(name: str, title: str, footer: str, panels: Sequence[Panel], most: int) -> Drawing:
    """Draw labels side by side, with the legend of `plain`."""
    named = {f"{kind} of at most {most} voxels": colour for kind, colour in _SMALL.items()}
    caption = "Of a volume one slice is shown."
    return draw_panels(name, title, footer, caption, panels, {**named, "foreground": AGREED})


def draw_panels(
    name: str,
    title: str,
    footer: str,
    caption: str,
    panels: Sequence[Panel],
    legend: Mapping[str, str],
    columns: int = 3,
    cell: float = _CELL,
) -> Drawing:
    """Draw pictures side by side, so many in a row, with what each colour means.

    A picture is `cell` inches wide.
    """
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    with plotting(name):
        words = max(panel.below.count("\n") for panel in panels)
        size = (cell * max(columns, 2), (cell + 0.45 + 0.16 * words) * lines)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for one in axes:
            one.set_axis_off()
        for one, panel in zip(axes, panels, strict=False):
            one.set_axis_on()
            one.imshow(panel.picture, interpolation="none")
            one.set(xticks=[], yticks=[])
            one.set_title(panel.title, fontsize=9, loc="center")
            one.set_xlabel(panel.below, fontsize=8.5, labelpad=3)
            for mark in panel.marks:
                place = (mark.column, mark.row)
                one.add_patch(Circle(place, mark.radius, fill=False, ec=mark.colour, lw=1.1))
            for spine in one.spines.values():
                spine.set(visible=True, color=INK, linewidth=0.6)
        handles = [Patch(facecolor=colour, label=text) for text, colour in legend.items()]
        entitle(figure, title, footer, handles, ncols=4)
        svg = to_svg(figure)
    return Drawing(name, title, caption, svg)


def _small(labels: NDArray[np.integer], most: int) -> NDArray[np.bool_]:
    sizes = np.bincount(labels.ravel())
    small = sizes <= most
    small[0] = False
    return np.asarray(small[labels])


def _slice(marks: NDArray[np.bool_]) -> Plane:
    """Return the index of the plane with most marks across the shortest axis; all of an image."""
    if marks.ndim == 2:
        return (slice(None), slice(None))
    axis = int(np.argmin(marks.shape))
    across = tuple(other for other in range(3) if other != axis)
    place = int(np.argmax(marks.sum(axis=across)))
    return tuple(place if other == axis else slice(None) for other in range(3))


def _painted(
    where: Plane,
    layers: Sequence[tuple[NDArray[np.bool_], str]],
) -> NDArray[np.float64]:
    picture = np.full((*layers[0][0][where].shape, 3), to_rgb(GROUND))
    for mask, colour in layers:
        picture[mask[where]] = to_rgb(colour)
    return picture
