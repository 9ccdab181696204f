"""Values with one canonical text, and the identities made of it.

The identity of a run is the hash of the canonical JSON of its specification. A field that is added
to a specification would change every identity there is, and no committed record would be found
again. So a new field is declared *absent when default*: it stands in the JSON only where it has
another value than its default, and what was recorded before it existed keeps its identity::

    class Training(Frozen):
        epochs: int
        decay: Annotated[Decay, ABSENT_WHEN_DEFAULT] = "none"

That is all; every `Frozen` leaves such fields out of ``model_dump`` and of its JSON. The default
must be what was done before the field existed. Code that wants every value, defaults included,
reads the attributes (``dict(model)``) and not ``model_dump()``.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from topoeval.checksums import canonical_text


class _AbsentWhenDefault:
    """The mark of a field that is written only where it is not its default."""


ABSENT_WHEN_DEFAULT: Final = _AbsentWhenDefault()
"""Put it into the `Annotated` type of a field that is younger than the first records."""


class Frozen(BaseModel):
    """A value: immutable, all numbers finite, and an unknown key is an error.

    Fields marked by `ABSENT_WHEN_DEFAULT` are not written where they have their default.

    Examples
    --------
    >>> from typing import Annotated
    >>> class Size(Frozen):
    ...     width: int = 1
    ...     depth: Annotated[int, ABSENT_WHEN_DEFAULT] = 1
    >>> canonical_json(Size()), canonical_json(Size(depth=2))
    ('{"width":1}', '{"depth":2,"width":1}')
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    def absent(self) -> set[str]:
        """Return the names of the fields that are not written; for a subclass to add to."""
        return {name for name, default in _younger(type(self)) if getattr(self, name) == default}

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        for name in self.absent():
            data.pop(name, None)
            data.pop(type(self).model_fields[name].alias or name, None)
        return data


@cache
def _younger(kind: type[BaseModel]) -> tuple[tuple[str, Any], ...]:
    """Return the fields that are absent when default, with their defaults."""
    return tuple(
        (name, field.get_default(call_default_factory=True))
        for name, field in kind.model_fields.items()
        if ABSENT_WHEN_DEFAULT in field.metadata
    )


def canonical_json(value: BaseModel, exclude: Any = None) -> str:
    """Return JSON that is the same text for the same value: sorted keys, no white space.

    Parameters
    ----------
    value
        A model.
    exclude
        Fields that do not belong to what is named, in the form of pydantic's ``exclude``.
    """
    return canonical_text(value.model_dump(mode="json", by_alias=True, exclude=exclude))


def digest(text: str) -> str:
    """Return 16 hexadecimal digits that name `text` (the head of its SHA-256)."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
