"""Which columns of scores a pair of masks has, and which of them are computed together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from topoeval.metrics.cards import cards
from topoeval.metrics.scores import checked_columns


def column_groups(
    spatial_dims: int, with_prior: bool, wanted: Collection[str] | None
) -> list[list[str]]:
    """Return the wanted columns that there are, those that share their work in one list."""
    groups: dict[str, list[str]] = {}
    for name, card in cards(spatial_dims, with_prior).items():
        if wanted is None or name in wanted:
            groups.setdefault(card.group, []).append(name)
    return list(groups.values())


def check_columns(wanted: Collection[str] | None) -> None:
    """Refuse names that are no column.

    Raises
    ------
    UserError
        With the nearest name.
    """
    checked_columns(wanted, {**cards(2, True), **cards(3, True)})


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
    order = [*cards(3, True), *cards(2, True)]
    return [name for name in dict.fromkeys(order) if name in there]
