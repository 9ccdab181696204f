"""The model of a ``method.toml``: a method, and the parameters that a search may choose."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema, field_validator

from topoeval.harness.suites.space import Space, flattened
from topoeval.records.parts import Method


class MethodFile(Method):
    """A row of the table: what is done, beginning where (``baselines/NAME/method.toml``).

    ``starts_from`` is ``"start"``, the common starting point of the suite, or another method, whose
    network then is the beginning: corrections of a finished network use it, so that they get no
    less training than the network they are compared with. ``variant`` are the parameters by which a
    suite makes it differ from its folder: how it is called; what they do is in the other values.
    ``flips``: an answer is the mean over all mirrored views of an image; ``shifts``: over the image
    and its shifts by a voxel. ``teacher`` answers the unlabelled images of terms with ``target =
    "teacher"``; what is scored is its student.
    ``search`` is what `topoeval tune` may choose, and no part of a run.
    """

    # written with as many tables as its names have parts
    search: Annotated[Space, WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict, exclude=True
    )

    @field_validator("search", mode="before")
    @classmethod
    def _dotted(cls, table: Any) -> Any:
        return flattened(table) if isinstance(table, dict) else table

    @property
    def method(self) -> Method:
        """What a run does of it."""
        return Method.model_validate(self.model_dump())
