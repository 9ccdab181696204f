"""Which columns of scores a pair of masks has, and which of them are computed together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from topoeval.metrics import available_columns
from topoeval.metrics.catalogue import chosen
from topoeval.metrics.metric import Metric

# What a pair of files has beside two masks.
_GIVEN = ("maps",)


def column_groups(
    spatial_dims: int, with_prior: bool, wanted: Collection[str] | None
) -> list[list[str]]:
    """Return the wanted columns that there are, those that share their work in one list."""
    there = _available(spatial_dims, with_prior)
    names = chosen(None, there)
    if wanted is not None:
        names = [name for name in chosen(wanted, known_columns()) if name in there]
    groups: dict[object, list[str]] = {}
    for name in names:
        groups.setdefault(there[name].scores, []).append(name)
    return list(groups.values())


def check_columns(wanted: Collection[str] | None) -> None:
    """Refuse names that are no column.

    Raises
    ------
    UserError
        With the nearest name.
    """
    chosen(wanted, known_columns())


def known_columns() -> dict[str, Metric]:
    """Return every column that a pair of files can have, those on request too."""
    return {**_available(2, True), **_available(3, True)}


def all_columns(
    spatial_dims: Sequence[int], with_prior: bool, wanted: Collection[str] | None
) -> list[str]:
    """Return the columns of a table whose cases have these numbers of axes, in its order."""
    there = {
        name
        for dims in spatial_dims
        for group in column_groups(dims, with_prior, wanted)
        for name in group
    }
    order = [*_available(3, True), *_available(2, True)]
    return [name for name in dict.fromkeys(order) if name in there]


def revisions(columns: Sequence[str]) -> dict[str, str]:
    """Return the revision of the metric behind each column."""
    every = known_columns()
    return {name: str(every[name].revision) for name in columns}


def _available(spatial_dims: int, with_prior: bool) -> dict[str, Metric]:
    return available_columns(spatial_dims, (*_GIVEN, "prior") if with_prior else _GIVEN)
