"""The space of a search: parameters of a method, and the values of them to try.

A space maps names of parameters to a range or a list, as ``[search]`` in a ``method.toml`` has it:
``weight = { low = 0.01, high = 1.0, log = true }`` or ``remedy.opening = [0, 1, 2]``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

Scalar = bool | int | float | str
Values = dict[str, Scalar]


class Range(BaseModel):
    """All numbers from `low` to `high`, even on a linear or on a logarithmic scale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be less than high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be greater than 0 on a logarithmic scale, got {self.low:g}")
        return self

    def at(self, place: float) -> float:
        """Return the number at a `place` from 0 to 1, to three significant digits.

        >>> Range(low=0.01, high=1, log=True).at(0.75)
        0.316
        """
        if self.log:
            return significant(self.low * (self.high / self.low) ** place)
        return significant(self.low + (self.high - self.low) * place)


Axis = Range | tuple[Scalar, ...]
Space = dict[str, Axis]


def flattened(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a table with the nested ones, which dotted keys are in TOML, as dotted names.

    >>> flattened({"remedy": {"opening": [0, 1]}, "weight": {"low": 0, "high": 1}})
    {'remedy.opening': [0, 1], 'weight': {'low': 0, 'high': 1}}
    """
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and not set(value) & set(Range.model_fields):
            flat.update(flattened(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def spread(space: Mapping[str, Axis], count: int, first: Values) -> list[Values]:
    """Return `first` and then values spread evenly over `space`, `count` different ones in all.

    Of one parameter: the ends, then the middle, then the middles of what lies between (the van der
    Corput sequence). Of several: a Halton sequence. A smaller count gives the first of a larger, so
    what was tried stays tried when more is asked for. A space of lists may have fewer values.

    >>> tried = spread({"weight": Range(low=0.01, high=1, log=True)}, 4, {"weight": 0.1})
    >>> [values["weight"] for values in tried]
    [0.1, 0.01, 1.0, 0.0316]
    """
    names, axes = list(space), list(space.values())
    if not names:
        return [first][:count]
    own = tuple(first[name] for name in names)
    found, seen = [own], {_key(own)}
    # how many values there are, the method's own included wherever they lie
    every = math.prod(len(axis) if isinstance(axis, tuple) else math.inf for axis in axes)
    every += 0 if all(map(_has, axes, own)) else 1
    # bounded, for a range may hold few numbers of three digits
    for places in islice(_places(len(axes)), 64 * count):
        if len(found) >= min(count, every):
            break
        point = tuple(_value(axis, place) for axis, place in zip(axes, places, strict=True))
        if _key(point) not in seen:
            seen.add(_key(point))
            found.append(point)
    return [dict(zip(names, point, strict=True)) for point in found[:count]]


def significant(value: float) -> float:
    """Return a number as people write it, to three significant digits."""
    return float(f"{value:.3g}")


def _places(dimensions: int) -> Iterator[Sequence[float]]:
    """Yield places in the unit cube without end, each as far as may be from those before it."""
    from scipy.stats import qmc

    if dimensions == 1:
        yield from ((0.0,), (1.0,))
    sequence = qmc.Halton(dimensions, scramble=False)
    sequence.fast_forward(1)  # the origin
    if dimensions > 1:
        yield (0.0,) * dimensions
    while True:
        yield from sequence.random(16).tolist()


def _value(axis: Axis, place: float) -> Scalar:
    if isinstance(axis, Range):
        return axis.at(place)
    return axis[min(int(place * len(axis)), len(axis) - 1)]


def _has(axis: Axis, value: Scalar) -> bool:
    return isinstance(axis, Range) or any(_key((value,)) == _key((one,)) for one in axis)


def _key(point: Sequence[Scalar]) -> tuple[str, ...]:
    """Return what tells values apart: True is not 1, but 1 is 1.0."""
    return tuple(
        repr(float(v)) if isinstance(v, int | float) and not isinstance(v, bool) else repr(v)
        for v in point
    )
