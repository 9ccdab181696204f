"""The scores of a test, one column each, and their compact form in a file.

A test of a few images is written as plain lists, which people can read and git can compare. From
`PACKED_FROM` bytes on the columns are written as one text, compressed by zlib: of 1,000 images with
30 scores that is about a third of the bytes, most of which are the digits of real numbers.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PACKED_FROM: Final = 8192
"""Length of the JSON of columns, in bytes, from which on they are compressed."""

_KEY = "zlib"
# more than any test has; a small text may unpack to a very large one
_LONGEST = 1 << 28


def pack(cases: dict[str, list[Any]]) -> dict[str, Any]:
    """Return columns as a file has them.

    >>> pack({"case": ["a", "b"], "dice": [0.5, 1.0]})
    {'case': ['a', 'b'], 'dice': [0.5, 1.0]}
    >>> packed = pack({"case": list(range(2000)), "dice": [0.5] * 2000})
    >>> list(packed), unpack(packed)["dice"][:2]
    (['zlib'], [0.5, 0.5])
    """
    text = json.dumps(cases, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()
    if len(text) < PACKED_FROM:
        return cases
    return {_KEY: base64.b85encode(zlib.compress(text, 9)).decode("ascii")}


def unpack(data: Any) -> Any:
    """Return the columns of what `pack` returned.

    Raises
    ------
    ValueError
        They are damaged.
    """
    if not isinstance(data, dict) or not isinstance(data.get(_KEY), str):
        return data
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b85decode(data[_KEY]), _LONGEST)
        if not reader.eof:
            raise ValueError("their end is missing")
        return json.loads(text)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"the packed cases are damaged: {error}") from None


Cases = Annotated[
    dict[str, list[Any]],
    BeforeValidator(unpack),
    PlainSerializer(pack, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "array"}},
                {
                    "type": "object",
                    "properties": {_KEY: {"type": "string"}},
                    "required": [_KEY],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""Columns by the name of the score, each with one value per case; null where there is none."""
