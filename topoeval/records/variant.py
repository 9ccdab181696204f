"""A name with parameters, as it is written in suites, in filters and in tables.

``betti_prior[weight=0.1]`` is the method `betti_prior` with another weight. A list stands for each
of its values: ``betti_prior[weight=[0.1, 1.0], ramp=[0.0, 0.2]]`` are four methods. Values are
those of TOML, and a bare word is a string. A value that is itself a list stands in a list.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from topoeval.errors import UserError

_FORM = re.compile(r"^\s*(?P<name>[^\[\]\s]+)\s*(?:\[(?P<params>.*)\])?\s*$", re.DOTALL)
# a word where a value is expected, that TOML would want quoted
_BARE = re.compile(r"(?<=[=\[,])(\s*)([A-Za-z_][\w.-]*)(?=\s*(?:[,\]}]|$))")
_WORD = re.compile(r"^[A-Za-z_][\w.-]*$")
# words that TOML reads as something else
_RESERVED = ("true", "false", "inf", "nan")


@dataclass(frozen=True)
class Variant:
    """A name and the parameters that set it apart; `params` maps dotted names to values."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the form that `variants` reads.

        >>> str(Variant("betti_prior", {"weight": 0.1, "reading": "signal"}))
        'betti_prior[weight=0.1, reading=signal]'
        """
        if not self.params:
            return self.name
        inner = ", ".join(f"{key}={_written(value)}" for key, value in self.params.items())
        return f"{self.name}[{inner}]"


def variants(text: str) -> list[Variant]:
    """Return what `text` names: one variant, or one for each combination of listed values.

    Raises
    ------
    UserError
        It is not of the form ``name`` or ``name[key=value, ...]``.

    Examples
    --------
    >>> [str(one) for one in variants("cldice[iterations=[3, 10]]")]
    ['cldice[iterations=3]', 'cldice[iterations=10]']
    """
    found = _FORM.match(text)
    if found is None:
        raise _malformed(text)
    if found["params"] is None:
        return [Variant(found["name"])]
    params = _flat(_parsed(text, found["params"]))
    if not params:
        raise _malformed(text)
    axes = [value if isinstance(value, list) else [value] for value in params.values()]
    if not all(axes):
        raise UserError(f"{text!r} lists no value of a parameter, so it names nothing")
    return [
        Variant(found["name"], dict(zip(params, values, strict=True)))
        for values in itertools.product(*axes)
    ]


def _parsed(text: str, params: str) -> dict[str, Any]:
    def quoted(found: re.Match[str]) -> str:
        space, word = found.groups()
        return space + (word if word in _RESERVED else f'"{word}"')

    # as it stands first: a word inside a quoted string is no bare word
    for written in (params, _BARE.sub(quoted, params)):
        try:
            parsed: dict[str, Any] = tomllib.loads(f"params = {{ {written} }}")["params"]
            return parsed
        except tomllib.TOMLDecodeError:
            continue
    raise _malformed(text)


def _malformed(text: str) -> UserError:
    return UserError(f"{text!r} is not of the form NAME or NAME[KEY=VALUE, ...]")


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _written(value: Any) -> str:
    if isinstance(value, str) and _WORD.match(value) and value not in _RESERVED:
        return value
    if isinstance(value, list | tuple):
        return json.dumps([list(value)])  # a list of values would stand for each of them
    return json.dumps(value)
