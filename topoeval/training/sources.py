"""Which images a loss sees in a training, and what it is compared with there."""

from __future__ import annotations

from typing import Literal, get_args

from topoeval.errors import UserError
from topoeval.losses.info import LossInfo

Source = Literal["labelled", "unlabelled"]
SOURCES: tuple[Source, ...] = get_args(Source)
Target = Literal["teacher"]


def check_target(info: LossInfo, on: Source, target: Target | None) -> None:
    """Refuse a loss that is to be compared with what is not there.

    Raises
    ------
    UserError
        A loss that needs targets on unlabelled images without a teacher; a teacher on labelled
        images, or for a loss that takes Betti numbers.
    """
    if target is None:
        if on == "unlabelled" and info.needs_target:
            raise UserError(
                f"loss {info.name!r} needs targets and cannot be put on unlabelled images, unless "
                'a teacher answers them (target = "teacher")'
            )
    elif on == "labelled":
        raise UserError(
            f'loss {info.name!r}: target = "teacher" is for unlabelled images, and labelled ones '
            'have masks; leave it out, or say on = "unlabelled"'
        )
    elif not info.needs_target:
        raise UserError(
            f'loss {info.name!r} takes Betti numbers and no target; leave target = "teacher" out'
        )
