"""What a comparison of predictions found, said in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from topoeval.metrics.catalogue import metric_of
from topoeval.statistics.paired_cases import LEVEL, least_p, unseen_share

if TYPE_CHECKING:
    from topoeval.evaluate.comparison import Comparison

_ALPHA = 1 - LEVEL
# Of more differences that rest on one case only the number is told.
_NAMED = 4
_REMEDY = "name fewer scores by --measure, or fewer classes, before looking at them"


def sentences(found: Comparison) -> list[str]:
    """Return what is separated, where it is decided, what it is about, and what could not be.

    The cases named are those whose scores lie furthest apart, of the first score in which a
    difference is separated.
    """
    table = found.table
    told = table[table["better"] != ""]
    lines = [
        f"{len(told)} of {len(table)} differences are separated (Holm over all of them, "
        f"5 %): {_told(told)}"
        if len(told)
        else f"none of {len(table)} differences is separated (Holm, 5 %)"
    ]
    if len(told):
        row = told.iloc[0]
        cases = found.deciding(row["class"], row["score"])
        lines.append(f"{row['score']} lies furthest apart in {', '.join(cases['case'])}")
    lines += _too_many_tests(table)
    lines.append("about these predictions on cases like these, not about the methods")
    lines.append("intervals are not corrected for the number of tests, p (Holm) is")
    lines += _rare(table)
    if short := int((table["basis"] == "none").sum()):
        has = "difference has" if short == 1 else "differences have"
        lines.append(
            f"{short} {has} no interval: fewer than 5 cases, fewer than 3 differ, or all differ by "
            "the same (then p is the sign test's)"
        )
    if "proportions" in set(table["basis"]):
        lines.append(
            "scores that are right or wrong have the interval of pairs of proportions, from 5 "
            "cases on, however many differ"
        )
    return lines


def _rare(table: pd.DataFrame) -> list[str]:
    """Return what an interval cannot know, and which case it rests on."""
    given = table[table["basis"] != "none"]
    if given.empty:
        return []
    n = int(given["n"].min())
    lines = [
        f"what goes wrong in fewer than {100 * unseen_share(n):.0f} % of cases may not occur in "
        f"these {n}, and no interval accounts for it"
    ]
    resting = given[given["rests_on"] != ""]
    if len(resting):
        told = [
            f"{score} of class {', '.join(dict.fromkeys(of['class']))} on {case}"
            for (score, case), of in resting.groupby(["score", "rests_on"], sort=False)
        ]
        more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        lines.append(
            "* one case makes more than 80 % of the spread, and the interval rests on it: "
            f"{'; '.join(told[:_NAMED])}{more}"
        )
    return lines


def _too_many_tests(table: pd.DataFrame) -> list[str]:
    """Return what the number of tests keeps from being separated, and the remedy.

    Holm multiplies a p-value by the tests that are left once all smaller ones are separated, so by
    no less than all tests but those that are separated.
    """
    tests = len(table)
    left = tests - int((table["better"] != "").sum())
    lines = []
    shown = set()
    for row in table[table["basis"] != "none"].to_dict("records"):
        least = least_p(row["n"], binary=row["basis"] == "proportions")
        key = (row["score"], row["n"])
        if not row["better"] and least * left > _ALPHA and key not in shown:
            shown.add(key)
            lines.append(
                f"{metric_of(row['score']).title} of {row['n']} cases has a p of {least:.2g} "
                f"at the least, times {left} tests {min(1, least * left):.2g}: "
                f"it cannot be separated; {_REMEDY}"
            )
    row = table.loc[table["p"].idxmin()]
    if not lines and left == tests and row["p"] <= _ALPHA:
        lines.append(
            f"the smallest p is {row['p']:.2g} ({row['score']} of class {row['class']}), times "
            f"{tests} tests {min(1, row['p'] * tests):.2g}; {_REMEDY}"
        )
    return lines


def _told(rows: pd.DataFrame) -> str:
    """Return which model is better in which scores of which classes."""
    texts = []
    for model, of_model in rows.groupby("better", sort=False):
        scores = {
            score: ", ".join(dict.fromkeys(of["class"]))
            for score, of in of_model.groupby("score", sort=False)
        }
        if len(set(scores.values())) == 1:
            (classes,) = set(scores.values())
            parts = [f"{', '.join(map(str, scores))} of class {classes}"]
        else:
            parts = [f"{score} of class {classes}" for score, classes in scores.items()]
        texts.append(f"{model} is better in {'; '.join(parts)}")
    return ". ".join(texts)
