"""What the channels of a target mean: the one description from the dataset to the score.

*Exclusive* classes are labels of one map: each voxel has one of them or none, which is the
background. Their network has a channel more than there are classes, the first, for the background;
it is trained by a softmax over all channels and predicts the class with the largest logit.
*Overlapping* classes are regions that may share voxels (a heart, and its left ventricle). Each has
a channel and a sigmoid of its own. One class alone is a region.

Targets have the classes and no background; it is added where a loss is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from topoeval.errors import UserError, nearest


@dataclass(frozen=True, slots=True)
class TargetClasses:
    """The classes of a dataset.

    Parameters
    ----------
    names
        Of the classes, in the order of the target's channels.
    exclusive
        Whether a voxel has at most one of them.
    unions
        Betti numbers of unions of classes, which say how classes lie to each other: names joined by
        ``+`` to (b0, b1[, b2]). Those of single classes stand in each sample.

    Raises
    ------
    UserError
        A union of classes that there are not, or of one class.

    Examples
    --------
    >>> known = {"muscle+cavity": (1, 0)}
    >>> heart = TargetClasses(("muscle", "cavity"), exclusive=True, unions=known)
    >>> heart.channels, heart.softmax, heart.unions_by_label
    (3, True, {(1, 2): (1, 0)})
    >>> TargetClasses().channels
    1
    """

    names: tuple[str, ...] = ("foreground",)
    exclusive: bool = False
    unions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for union in self.unions:
            parts = union.split("+")
            for part in parts:
                if part not in self.names:
                    raise UserError(
                        f"union {union!r}: no class {part!r}{nearest(part, self.names)}"
                    )
            if len(set(parts)) < 2:
                raise UserError(f"union {union!r} is of one class; its prior stands in the samples")

    @property
    def softmax(self) -> bool:
        """Whether the network's channels are a softmax; else each is a sigmoid."""
        return self.exclusive and len(self.names) > 1

    @property
    def channels(self) -> int:
        """Channels of the network: the classes, and the background of exclusive ones."""
        return len(self.names) + self.softmax

    @property
    def unions_by_label(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """The unions by the labels of their classes: 1 is the first class."""
        return {
            tuple(sorted(self.names.index(part) + 1 for part in union.split("+"))): tuple(betti)
            for union, betti in self.unions.items()
        }


ONE_CLASS = TargetClasses()
"""A foreground, and all else."""
