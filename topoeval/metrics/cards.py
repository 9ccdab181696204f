"""What each score of a pair of masks means: one card per column, and a table made of them.

The table in ``docs/metrics.md`` is made here (``python -m topoeval.metrics.cards``), and a test
holds the functions to what their cards say of empty masks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from topoeval.metrics.info import Better

# What an empty mask scores, where it is not a number.
Rule = Literal["diagonal", "counted"]
Needs = Literal["topology", "spacing", "tolerance", "patch", "prior"]


@dataclass(frozen=True, slots=True)
class Empty:
    """What a score does with empty masks.

    Parameters
    ----------
    both, prediction, target
        The score when both masks, only the prediction, or only the target is empty. A number;
        ``"diagonal"``: the length of the image's diagonal; ``"counted"``: the formula holds, an
        empty mask has no features.
    """

    both: float | Rule
    prediction: float | Rule
    target: float | Rule


@dataclass(frozen=True, slots=True)
class Card:
    """One column of scores.

    Parameters
    ----------
    name
        The column; ``{k}`` in it stands for a dimension of homology.
    title
        Heading in tables.
    function
        The function of `topoeval.metrics` behind it.
    group
        Columns of one group are computed together.
    direction
        Which way is better; None for a column that describes a mask and must not be ranked.
    range
        Least and greatest possible value; None where unbounded.
    unit
        Empty where the value is a plain number.
    empty
        What happens to empty masks.
    needs
        The settings that the value depends on.
    spatial_dims
        Where it is defined.
    """

    name: str
    title: str
    function: str
    group: str
    direction: Better | None
    range: tuple[float, float | None]
    unit: str
    empty: Empty
    needs: tuple[Needs, ...] = ()
    spatial_dims: tuple[int, ...] = (2, 3)


_OVERLAP = Empty(both=1, prediction=0, target=0)
_DISTANCE = Empty(both=0, prediction="diagonal", target="diagonal")
_COUNTED = Empty(both=0, prediction="counted", target="counted")
_ERROR = Empty(both=0, prediction=1, target=1)
_MATCH = Empty(both=1, prediction="counted", target="counted")
_DESCRIBES = Empty(both="counted", prediction="counted", target="counted")
_ONE, _FREE = (0.0, 1.0), (0.0, None)
_T: tuple[Needs, ...] = ("topology",)
_S: tuple[Needs, ...] = ("spacing",)


def _count(name: str, title: str, function: str, group: str, unit: str = "features") -> Card:
    """Return the card of an error that is counted."""
    return Card(name, title, function, group, "lower", _FREE, unit, _COUNTED, _T)


def _describes(name: str, title: str, function: str, group: str, unit: str = "features") -> Card:
    """Return the card of a column that says something of a mask and is not ranked."""
    return Card(name, title, function, group, None, _FREE, unit, _DESCRIBES, _T)


def _matching(comparison: str) -> tuple[Card, ...]:
    name, group = f"betti_matching_{comparison}", f"matching_{comparison}"
    title = f"Betti matching error ({comparison})"
    return (
        _count(name, title, "betti_matching_error", group),
        _count(f"{name}_{{k}}", f"{title}, dimension {{k}}", "betti_matching_error", group),
    )


CARDS: tuple[Card, ...] = (
    Card("dice", "Dice", "dice", "overlap", "higher", _ONE, "", _OVERLAP),
    Card("iou", "Intersection over union", "iou", "overlap", "higher", _ONE, "", _OVERLAP),
    _count("betti_error", "Betti error", "betti_error", "betti"),
    _count("betti_error_{k}", "Betti error, dimension {k}", "betti_error", "betti"),
    _describes("b{k}", "Betti number {k}", "betti_numbers", "betti"),
    _describes("b{k}_true", "Betti number {k} of the truth", "betti_numbers", "betti"),
    Card(
        "matches_truth", "Betti accuracy (own mask)", "betti_matches", "betti", "higher", _ONE, "",
        _MATCH, _T,
    ),
    Card(
        "matches_prior", "Betti accuracy (prior)", "betti_matches", "betti", "higher", _ONE, "",
        _DESCRIBES, ("topology", "prior"),
    ),
    Card(
        "truth_matches_prior", "Prior's ceiling", "betti_matches", "betti", None, _ONE, "",
        _DESCRIBES, ("topology", "prior"),
    ),
    Card(
        "topology_gated_dice", "Topology-gated Dice", "topology_gated_dice", "betti", "higher",
        _ONE, "", _OVERLAP, _T,
    ),
    _count("euler_error", "Euler error", "euler_error", "euler", ""),
    replace(
        _count("patch_betti_error", "Patch Betti error", "patch_betti_error", "patches"),
        needs=("topology", "patch"), unit="features per patch",
    ),
    replace(
        _count("patch_betti_error_{k}", "Patch Betti error, dimension {k}", "patch_betti_error",
               "patches"),
        needs=("topology", "patch"), unit="features per patch",
    ),
    *_matching("union"),
    *_matching("intersection"),
    replace(_count("diu", "DIU", "diu", "diu"), spatial_dims=(2,)),
    Card("cldice", "clDice", "cldice", "skeleton", "higher", _ONE, "", _OVERLAP),
    replace(
        _describes("skeletons_repaired", "Components whose skeleton was lost", "skeleton",
                   "skeleton", "components"), needs=(),
    ),
    Card("hd", "HD", "hausdorff_distance", "distance", "lower", _FREE, "spacing", _DISTANCE, _S),
    Card("hd95", "HD95", "hausdorff_distance", "distance", "lower", _FREE, "spacing", _DISTANCE,
         _S),
    Card("assd", "ASSD", "average_surface_distance", "distance", "lower", _FREE, "spacing",
         _DISTANCE, _S),
    Card("nsd", "NSD", "normalised_surface_dice", "distance", "higher", _ONE, "", _OVERLAP,
         ("spacing", "tolerance")),
    Card("adapted_rand_error", "Adapted Rand error", "adapted_rand_error", "partition", "lower",
         _ONE, "", _ERROR, _T),
    Card("adjusted_rand_index", "Adjusted Rand index", "adjusted_rand_index", "partition",
         "higher", (-0.5, 1.0), "", _OVERLAP, _T),
    _count("voi", "Variation of information", "variation_of_information", "partition", "bits"),
    _count("voi_split", "Its part by splits", "variation_of_information", "partition", "bits"),
    _count("voi_merge", "Its part by merges", "variation_of_information", "partition", "bits"),
    _count("false_components", "False components", "wrong_regions", "regions", "components"),
    _count("missed_components", "Missed components", "wrong_regions", "regions", "components"),
    _count("false_holes", "False holes or cavities", "wrong_regions", "regions", "holes"),
    _count("missed_holes", "Missed holes or cavities", "wrong_regions", "regions", "holes"),
    _count("false_component_voxels", "Size of false components", "wrong_regions", "regions",
           "voxels"),
    _count("missed_component_voxels", "Size of missed components", "wrong_regions", "regions",
           "voxels"),
    _count("false_hole_voxels", "Size of false holes", "wrong_regions", "regions", "voxels"),
    _count("missed_hole_voxels", "Size of missed holes", "wrong_regions", "regions", "voxels"),
)  # fmt: skip
"""Every column of scores, in the order of tables."""


def cards(spatial_dims: int, with_prior: bool = False) -> dict[str, Card]:
    """Return the cards by column, those per dimension of homology written out.

    >>> [name for name in cards(2) if name.startswith("b0")]
    ['b0', 'b0_true']
    """
    found = {}
    for card in CARDS:
        if spatial_dims not in card.spatial_dims or ("prior" in card.needs and not with_prior):
            continue
        dims = range(spatial_dims) if "{k}" in card.name else range(1)
        for k in dims:
            name = card.name.format(k=k)
            found[name] = replace(card, name=name, title=card.title.format(k=k))
    return found


def markdown() -> str:
    """Return the table of all cards."""
    heads = ("column", "what", "better", "range", "unit", "depends on",
             "both empty", "prediction empty", "target empty", "function")  # fmt: skip
    rows = [heads, ("---",) * len(heads)]
    for card in CARDS:
        low, high = card.range
        unit = "as spacing" if card.unit == "spacing" else card.unit or "-"
        dims = "" if card.spatial_dims == (2, 3) else " (2D only)"
        rows.append((
            f"`{card.name.format(k='K')}`", card.title.format(k="K") + dims,
            card.direction or "-", f"{low:g} to {'∞' if high is None else f'{high:g}'}", unit,
            ", ".join(card.needs) or "-",
            *(str(rule) for rule in (card.empty.both, card.empty.prediction, card.empty.target)),
            f"`{card.function}`",
        ))  # fmt: skip
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    print(markdown(), end="")
