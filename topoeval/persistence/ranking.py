"""Ranking bars by length inside each image and dimension, for a whole batch at once."""

from __future__ import annotations

import torch


def rank_in_group(group: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return for each row its place (0 = largest value) among the rows of the same group.

    Two stable sorts, by value and then by group, are one segmented sort: no loop over groups.
    Equal values rank in the order of their rows.

    Parameters
    ----------
    group
        int64 ``(n,)`` group numbers, in any order.
    value
        ``(n,)`` sort keys; no gradient flows through a rank.

    Examples
    --------
    >>> rank_in_group(torch.tensor([0, 1, 0, 0]), torch.tensor([0.2, 0.5, 0.9, 0.4])).tolist()
    [2, 0, 0, 1]
    """
    order = torch.argsort(value.detach(), descending=True, stable=True)
    order = order[torch.argsort(group[order], stable=True)]
    sorted_group = group[order].contiguous()
    first = torch.searchsorted(sorted_group, sorted_group)  # where each row's group begins
    place = torch.arange(len(group), device=group.device) - first
    rank = torch.empty_like(place)
    rank[order] = place
    return rank
