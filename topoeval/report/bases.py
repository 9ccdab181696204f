"""Which row each row of a table is compared with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from topoeval.errors import UserError
from topoeval.results.records import Records

DEFAULT_REFERENCE = "cross_entropy"
# Two rows of one method that differ in these are compared each with the base that has the same.
_ALIKE = ("backend", "device", "precision")


@dataclass(frozen=True)
class Yardsticks:
    """What the rows of a suite are compared with, and what the suite is called and asks.

    Parameters
    ----------
    reference
        Name of a method, or label of a row: the base of every method that names none.
    bases
        Base by name of a method, as the suite or the method's folder has it; for records that were
        made before methods named their bases.
    title, question
        Of the suite's file; empty where there is none.
    """

    reference: str = DEFAULT_REFERENCE
    bases: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    question: str = ""


def base_labels(records: Records, yardsticks: Yardsticks) -> dict[str, dict[str, str]]:
    """Return by dataset and label of a row the label of its base.

    The base is what the record's method names, else what the suite says of the method, else what a
    correction starts from, else the reference. The common start is compared with nothing, and a row
    whose base was not run is left out.

    Raises
    ------
    UserError
        If several rows of a dataset are the reference.
    """
    runs = records.runs
    rows = runs.drop_duplicates(["dataset", "arm"])
    found: dict[str, dict[str, str]] = {}
    for dataset, group in rows.groupby("dataset", sort=True):
        own = found[str(dataset)] = {}
        reference = reference_label(group, yardsticks.reference, str(dataset))
        for row in group[group["role"] != "start"].to_dict("records"):
            named = named_base(records, str(row["id"]), yardsticks)
            base = _label(group, named, row) if named else reference
            if base is not None and base != row["arm"]:
                own[str(row["arm"])] = base
    return found


def named_base(records: Records, identity: str, yardsticks: Yardsticks) -> str:
    """Return the base that a run's method names, or an empty text: the reference is meant."""
    method = records.documents[identity].spec.method
    begins = "" if method.starts_from in (None, "start") else str(method.starts_from)
    return method.base or yardsticks.bases.get(method.name, "") or begins


def reference_label(group: pd.DataFrame, reference: str, dataset: str) -> str | None:
    """Return the label of the reference among the rows of a dataset, None where it was not run.

    Raises
    ------
    UserError
        If it is several rows.
    """
    labels = sorted(set(_matching(group, reference)["arm"]))
    if len(labels) > 1:
        raise UserError(
            f"reference {reference!r} is ambiguous on {dataset}: it is the rows "
            f"{' and '.join(map(repr, labels))}; name one by "
            f"topoeval report RESULTS --reference {shlex.quote(labels[0])}"
        )
    return labels[0] if labels else None


def _label(group: pd.DataFrame, base: str, row: Mapping[str, object]) -> str | None:
    """Return the label of the base of a row; None where none, or no single one, was run."""
    candidates = _matching(group, base)
    if len(candidates) > 1:
        alike = [candidates[key] == row[key] for key in _ALIKE]
        candidates = candidates[alike[0] & alike[1] & alike[2]]
    return str(candidates["arm"].iloc[0]) if len(candidates) == 1 else None


def _matching(group: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows that a name means: a label in suites or tables, or else a method."""
    exact = group[(group["label"] == name) | (group["arm"] == name)]
    return exact if len(exact) else group[group["method"] == name]
