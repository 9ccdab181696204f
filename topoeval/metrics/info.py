"""What each recorded column means, so that no table has to guess which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One column of `topoeval.metrics.evaluate_cases`.

    Parameters
    ----------
    name
        The column.
    title
        Heading in tables.
    direction
        Which way is better; None for a column that describes the data and must not be ranked.
    range
        Least and greatest possible value; None where unbounded.
    unit
        Empty where the value is a plain number.
    empty
        What happens to empty masks.
    dimension
        Homology dimension the column speaks of; None for all of them together, or none.
    """

    name: str
    title: str
    direction: Better | None
    range: tuple[float, float | None]
    unit: str
    empty: str
    dimension: int | None = None


_COUNTED = "counted like any other mask: an empty one has Betti numbers 0 (plain border)"

_WHOLE = (
    MetricInfo("dice", "Dice", "higher", (0, 1), "", "both empty 1, one empty 0"),
    MetricInfo("mse", "Mean squared error", "lower", (0, 1), "", "no mask involved"),
    MetricInfo("betti_error", "Betti error", "lower", (0, None), "features", _COUNTED),
    MetricInfo("matches_truth", "Betti accuracy (own mask)", "higher", (0, 1), "", _COUNTED),
    MetricInfo("matches_prior", "Betti accuracy (prior)", "higher", (0, 1), "", _COUNTED),
    MetricInfo("truth_matches_prior", "Prior's ceiling", None, (0, 1), "", _COUNTED),
)


def _by_dimension(k: int) -> tuple[MetricInfo, ...]:
    count = ((0, None), "features", _COUNTED, k)
    return (
        MetricInfo(f"betti_error_{k}", f"Betti error, dimension {k}", "lower", *count),
        MetricInfo(f"b{k}", f"Betti number {k}", None, *count),
        MetricInfo(f"b{k}_true", f"Betti number {k} of the truth", None, *count),
    )


METRICS: dict[str, MetricInfo] = {
    info.name: info for info in (*_WHOLE, *(row for k in range(3) for row in _by_dimension(k)))
}
"""Every column by name."""
