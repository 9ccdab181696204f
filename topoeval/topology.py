"""The one place where connectivity is decided.

A topological statement about an image means nothing until three choices are made: which cells a
voxel stands for, whether bright or dark is foreground, and what lies beyond the border. `Topology`
holds all three; backends, losses, metrics, skeletons and component labelling take it, and nothing
else in the code chooses a connectivity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from topoeval.errors import UserError, nearest
from topoeval.notebook import table

Construction = Literal["V", "T"]
Direction = Literal["superlevel", "sublevel"]
Border = Literal["plain", "framed"]

# In the order in which a text has them.
_VALUES: dict[str, tuple[str, ...]] = {
    "construction": get_args(Construction),
    "direction": get_args(Direction),
    "border": get_args(Border),
}

# Neighbours of a voxel that share a face, and that share at least a corner.
_FACE = {2: 4, 3: 6}
_CORNER = {2: 8, 3: 26}


@dataclass(frozen=True, slots=True)
class Topology:
    """How an image is read as a topological space.

    Parameters
    ----------
    construction
        ``"V"``: voxels are vertices of the cubical complex; foreground voxels connect through
        faces (4 neighbours in 2D, 6 in 3D). ``"T"``: voxels are its top-dimensional cells, closed
        squares or cubes; foreground voxels connect through corners (8 in 2D, 26 in 3D). The
        background always has the dual connectivity.
    direction
        ``"superlevel"``: bright is foreground, features appear as the threshold falls (probability
        maps). ``"sublevel"``: dark is foreground, features appear as the threshold rises.
    border
        ``"plain"``: nothing lies beyond the image; a loop cut by the image edge is no hole.
        ``"framed"``: a frame of foreground surrounds the image, so every background region is a
        hole and components that touch the edge are one (membranes, roads, patches).

    Notes
    -----
    Duality (Bleile et al., arXiv 2102.11397): construction V of an image and construction T of its
    negative, with the other border reading, have the same bars in dimensions k and d-1-k.

    Examples
    --------
    >>> Topology()
    Topology(construction='T', direction='superlevel', border='plain')
    >>> Topology("V").foreground_connectivity(2), Topology("V").background_connectivity(2)
    (4, 8)
    >>> Topology.parse("V-sublevel-framed").border
    'framed'
    >>> Topology().describe(3)
    'T-construction (foreground 26, background 6), superlevel, plain border'
    """

    construction: Construction = "T"
    direction: Direction = "superlevel"
    border: Border = "plain"

    def __post_init__(self) -> None:
        for field, allowed in _VALUES.items():
            value = getattr(self, field)
            if value not in allowed:
                raise UserError(
                    f"topology {field} must be one of {', '.join(allowed)}, got {value!r}"
                    f"{nearest(str(value), allowed)}"
                )

    def _repr_html_(self) -> str:
        """Return the choices as a table, for notebooks."""
        neighbours = [
            (f"{ndim}D", self.foreground_connectivity(ndim), self.background_connectivity(ndim))
            for ndim in (2, 3)
        ]
        heads = ("", "foreground neighbours", "background neighbours")
        return table(heads, neighbours, f"Topology {self}")

    @classmethod
    def parse(cls, text: str | Topology) -> Topology:
        """Read ``"V"``, ``"T-superlevel"`` or ``"V/sublevel/framed"``; the rest keeps defaults.

        A `Topology` is returned as it is, so that functions can take either.
        """
        if isinstance(text, Topology):
            return text
        if not isinstance(text, str):
            raise UserError(f"a topology is a Topology or a text like 'T', got {text!r}")
        parts = [part for part in re.split(r"[-/,\s]+", text.strip()) if part]
        if not 1 <= len(parts) <= 3:
            raise UserError(
                f"topology {text!r} is not of the form CONSTRUCTION-DIRECTION-BORDER, "
                "for example T-superlevel-plain"
            )
        if parts[0] in ("4", "6", "8", "26"):
            raise UserError(
                f"topology {text!r}: say V for a foreground with 4 neighbours in 2D and 6 in 3D, T "
                "for one with 8 and 26"
            )
        fields = {value: name for name, values in _VALUES.items() for value in values}
        found = {fields[part]: part for part in parts if part in fields}
        # each part known and none twice, but not in the places where they stand
        if len(found) == len(parts) and [*found] != [*_VALUES][: len(found)]:
            meant = cls(**found)  # type: ignore[arg-type]  # the values of these fields
            raise UserError(
                f"topology {text!r} is not of the form CONSTRUCTION-DIRECTION-BORDER; write {meant}"
            )
        return cls(*parts)  # type: ignore[arg-type]  # checked in __post_init__

    @property
    def superlevel(self) -> bool:
        """Whether bright is foreground."""
        return self.direction == "superlevel"

    @property
    def framed(self) -> bool:
        """Whether a frame of foreground surrounds the image."""
        return self.border == "framed"

    def foreground_connectivity(self, ndim: int) -> int:
        """Neighbours of a foreground voxel: 4 or 8 in 2D, 6 or 26 in 3D."""
        return (_FACE if self.construction == "V" else _CORNER)[_checked_ndim(ndim)]

    def background_connectivity(self, ndim: int) -> int:
        """Neighbours of a background voxel: the dual of the foreground's."""
        return (_CORNER if self.construction == "V" else _FACE)[_checked_ndim(ndim)]

    def describe(self, ndim: int) -> str:
        """Return the line that stands in every caption."""
        return (
            f"{self.construction}-construction "
            f"(foreground {self.foreground_connectivity(ndim)}, "
            f"background {self.background_connectivity(ndim)}), "
            f"{self.direction}, {self.border} border"
        )

    def __str__(self) -> str:
        return f"{self.construction}-{self.direction}-{self.border}"


def _checked_ndim(ndim: int) -> int:
    if ndim not in _FACE:
        raise UserError(f"images are 2D or 3D, got {ndim} spatial dimensions")
    return ndim
