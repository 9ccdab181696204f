"""A case as a picture in which one sees where it breaks, and the same in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from topoeval.metrics import wrong_regions
from topoeval.metrics.breaks import breaks
from topoeval.report.drawing import Drawing
from topoeval.report.overlay import AGREED, EXTRA, GROUND, LACKING, WRONG, Mark, Panel, draw_panels
from topoeval.topology import Topology

_COLOURS = {"cut": "#000000", "bridge": "#009E73", "tunnel": "#B58900", **WRONG}
# a hole that is open where the truth closes it is large, and its cause is a cut
_OPEN = "#d3eaf8"
_MOST_MARKS = 24
# of missed and of false parts; a volume of a noisy network has a hundred thousand
_MOST_PARTS = 3000
# of the longer side of a picture: a circle around a single voxel is still seen, and none covers it
_RADII = 0.025, 0.12
_LETTERS = 42


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What is wrong with the connections of a case.

    Parameters
    ----------
    p, g
        Prediction and truth, foreground as their topology has it.
    labels
        By kind of error its regions, numbered from 1.
    passed_over
        How many small parts in which the masks differ were not looked at.
    """

    p: NDArray[np.bool_]
    g: NDArray[np.bool_]
    labels: dict[str, NDArray[Any]]
    passed_over: int = 0

    @property
    def told(self) -> str:
        """How many there are of each kind."""
        counts = {kind: int(found.max(initial=0)) for kind, found in self.labels.items()}
        texts = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items() if n]
        told = ", ".join(texts) or "nothing cut, joined, pierced or alone"
        if not self.passed_over:
            return told
        return f"{told}; not looked at: the {self.passed_over} smallest of the parts that differ"

    @property
    def largest(self) -> str:
        """The largest cut, else bridge, else any other: what, of how many voxels, and where."""
        for kind, found in self.labels.items():
            if found.any():
                sizes = np.bincount(found.ravel())
                sizes[0] = 0
                one = int(sizes.argmax())
                places = np.argwhere(found == one)
                # the voxel of it that is closest to its middle, which may lie outside of it
                middle = np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()
                at = ", ".join(map(str, places[middle]))
                size = f"{sizes[one]} voxel{'s' if sizes[one] > 1 else ''}"
                return f"{kind} of {size} at ({at})"
        return "-"

    def panel(self, title: str, below: str = "") -> Panel:
        """Return the picture, a volume as seen along its shortest axis, errors circled."""
        axis = None if self.p.ndim == 2 else int(np.argmin(self.p.shape))
        p, g = _flat(self.p, axis), _flat(self.g, axis)
        picture = np.full((*p.shape, 3), to_rgb(GROUND))
        for mask, colour in ((p & g, AGREED), (p & ~g, EXTRA), (~p & g, LACKING)):
            picture[mask] = to_rgb(colour)
        marks: list[Mark] = []
        for kind, found in self.labels.items():
            if "hole" not in kind:
                marks += _marks(found, axis, _COLOURS[kind])
        for kind, found in reversed(self.labels.items()):
            picture[_flat(found > 0, axis)] = to_rgb(_COLOURS[kind])
        missed = self.labels["missed hole"] > 0
        picture[_flat(missed, axis) & ~_flat(missed & self.p, axis) & ~p] = to_rgb(_OPEN)
        words = textwrap.fill(self.told, _LETTERS)
        return Panel(
            title, picture, "\n".join(filter(None, (below, words))), tuple(marks[:_MOST_MARKS])
        )


def errors_of(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology
) -> Errors:
    """Find what is wrong with the connections of a case.

    Parameters
    ----------
    prediction, target
        Masks, ``(H, W)`` or ``(D, H, W)``.
    topology
        What touches, and which side is foreground.
    """
    p, g = (prediction, target) if topology.superlevel else (~prediction, ~target)
    joined, wrong = breaks(p, g, topology, _MOST_PARTS), wrong_regions(p, g, topology)
    found = {
        "cut": joined.cuts,
        "bridge": joined.bridges,
        "tunnel": joined.tunnels,
        "false component": wrong.false_components,
        "missed component": wrong.missed_components,
        "false hole": wrong.false_holes,
        "missed hole": wrong.missed_holes,
    }
    labels = {kind: one.labels for kind, one in found.items()}
    return Errors(p, g, labels, joined.passed_over)


LEGEND = {**_COLOURS, "agreed": AGREED, "predicted only": EXTRA, "truth only": LACKING}
"""What each colour of a picture means."""

CAPTION = (
    "A cut is a missed part at which the prediction goes on at two places or more; a bridge is a "
    "false part that touches the truth at two or more; a tunnel is another part, of a volume, that "
    "opens or closes a way through. Other wrong components and holes (of "
    "volumes: cavities) touch none of the other mask; a missed hole is pale where it is open. "
    f"All but holes have a circle, {_MOST_MARKS} in a picture at most. A volume is "
    "seen along its shortest axis."
)
"""How to read the pictures."""


def draw_errors(name: str, title: str, footer: str, panels: Sequence[Panel]) -> Drawing:
    """Draw pictures of errors, three in a row, with what each colour means."""
    return draw_panels(name, title, footer, CAPTION, panels, LEGEND)


def _flat(mask: NDArray[np.bool_], axis: int | None) -> NDArray[np.bool_]:
    return mask if axis is None else np.asarray(mask.any(axis=axis))


def _marks(found: NDArray[Any], axis: int | None, colour: str) -> list[Mark]:
    """Return a circle around each region, the largest region first."""
    sizes = np.bincount(found.ravel())
    marks = []
    for one, box in enumerate(find_objects(found.astype(np.int32, copy=False)), 1):
        sides = [side for number, side in enumerate(box) if number != axis]
        shape = [side for number, side in enumerate(found.shape) if number != axis]
        middle = [(side.start + side.stop - 1) / 2 for side in sides]
        half = max(side.stop - side.start for side in sides) / 2
        least, most = (share * max(shape) for share in _RADII)
        radius = min(max(half + 2, least), most)
        marks.append((int(sizes[one]), Mark(middle[0], middle[1], radius, colour)))
    return [mark for _, mark in sorted(marks, key=lambda one: -one[0])]
