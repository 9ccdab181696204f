"""Several sets of predictions of the same cases, compared score by score.

What is claimed holds for these predictions on cases like these: the networks are given, so nothing
is said of the methods that trained them. One family of tests is all pairs of models times all
classes times all scores that are compared, and Holm's correction bounds the chance of a single
false claim in it by 5 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from topoeval.errors import UserError, nearest
from topoeval.evaluate.columns import all_columns, known_columns
from topoeval.evaluate.summary import FLAGS, KEYS
from topoeval.evaluate.verdict import sentences
from topoeval.metrics.catalogue import metric_of
from topoeval.statistics.paired_cases import LEVEL, outweighing, paired_difference_of_cases
from topoeval.statistics.pairs import holm
from topoeval.statistics.ranks import tiers

DEFAULT_SCORES = ("dice", "cldice", "betti_error", "betti_matching_union", "hd95", "nsd")
"""Compared where they are there and none is named: few, since every further test costs power."""
_ALPHA = 1 - LEVEL


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    Parameters
    ----------
    models
        Their names, in the order given.
    table
        A row per class, score and pair of models: ``class``, ``score``, ``first``, ``second``,
        ``n`` (cases compared), ``mean_first``, ``mean_second``, ``difference`` (first minus second)
        with ``low`` and ``high`` (95 %, not corrected), ``p``, ``p_holm``, ``better`` (the model
        that is separated as better, else empty), ``wins``, ``ties``, ``losses`` (cases in which
        the first is better, equal, worse), ``effect`` (mean over standard deviation), ``basis``,
        ``rests_on`` (the one case that makes most of the spread, else empty).
    scores
        A row per class, score and case with a column per model, of the cases that are compared.
    standings
        A row per class, score and model: ``mean`` and ``tier``.
    notes
        What was left out, a line each.
    """

    models: tuple[str, ...]
    table: pd.DataFrame
    scores: pd.DataFrame
    standings: pd.DataFrame
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Return the table in few columns, for notebooks."""
        return str(self.shown().to_html(index=False))

    def deciding(self, name: str, score: str, most: int = 5) -> pd.DataFrame:
        """Return the cases of a class whose scores lie furthest apart, the widest first."""
        rows = self.scores[(self.scores["class"] == name) & (self.scores["score"] == score)]
        values = rows[list(self.models)]
        apart = (values.max(axis=1) - values.min(axis=1)).rename("apart")
        ordered = rows.assign(apart=apart).sort_values(["apart", "case"], ascending=[False, True])
        return ordered[ordered["apart"] > 0].head(most)

    def shown(self, called: Callable[[str], str] = str) -> pd.DataFrame:
        """Return the table in few columns, numbers as texts, for a terminal.

        `called` returns the name of a model in it.
        """
        rows = []
        for row in self.table.to_dict("records"):
            digits = metric_of(row["score"]).digits
            low, high = (f"{row[end]:+.{digits}f}" for end in ("low", "high"))
            mark = " *" if row["rests_on"] else ""
            rows.append(
                {
                    "class": row["class"],
                    "score": metric_of(row["score"]).header,
                    "A": called(row["first"]),
                    "B": called(row["second"]),
                    "n": row["n"],
                    "mean A": f"{row['mean_first']:.{digits}f}",
                    "mean B": f"{row['mean_second']:.{digits}f}",
                    "A - B": f"{row['difference']:+.{digits}f}",
                    "95 %": "-" if row["basis"] == "none" else f"[{low}, {high}]{mark}",
                    "p (Holm)": f"{row['p_holm']:.2g}",
                    "better": called(row["better"]) if row["better"] else "-",
                    "wins/ties/losses of A": f"{row['wins']}/{row['ties']}/{row['losses']}",
                    "effect": row["effect"],
                }
            )
        return pd.DataFrame(rows)

    def glance(self, called: Callable[[str], str] = str) -> pd.DataFrame:
        """Return who is better: a row per class, a column per score, "-" where none is separated.

        Of three models or more those of the first tier are named; `called` returns how.
        """
        rows: dict[str, dict[str, str]] = {}
        for (label, score), of in self.standings.groupby(["class", "score"], sort=False):
            first = of[of["tier"] == 1]["model"]
            text = "-" if len(first) == len(self.models) else ", ".join(map(called, first))
            rows.setdefault(str(label), {"class": str(label)})[metric_of(str(score)).header] = text
        return pd.DataFrame(rows.values()).fillna("")

    def worst(self, score: str | None = None, most: int = 3) -> pd.DataFrame:
        """Return the cases and classes in which each model has its worst values of a score.

        Of the first score that is compared if None; cases in which its value is perfect are left
        out.
        """
        score = str(self.table["score"].iloc[0]) if score is None else score
        card = metric_of(score)
        higher = card.direction == "higher"
        rows = self.scores[self.scores["score"] == score]
        found = []
        for name in self.models:
            best = card.high if higher else card.low
            ordered = rows[rows[name] != best].sort_values([name, "case"], ascending=[higher, True])
            others = [other for other in self.models if other != name]
            found += [
                {
                    "model": name,
                    "case": row["case"],
                    "class": row["class"],
                    card.header: f"{row[name]:.{card.digits}f}",
                    "the others": ", ".join(f"{row[other]:.{card.digits}f}" for other in others),
                }
                for row in ordered.head(most).to_dict("records")
            ]
        return pd.DataFrame(found)

    def verdict(self) -> list[str]:
        """Return sentences that say what is separated, where it is decided, and what it is about.

        The cases named are those whose scores lie furthest apart, of the first score in which a
        difference is separated.
        """
        return sentences(self)


def same_question(specs: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse evaluations that were not asked the same of the same truth.

    Raises
    ------
    UserError
        If two differ in topology, classes, a setting, or in the truth of a case that both have.
    """
    (first, one), *others = specs.items()
    for name, other in others:
        for key in ("topology", "classes", "priors", "settings", "ignore"):
            if one.get(key) != other.get(key):
                raise UserError(
                    f"{first} and {name} differ in {key}: {one.get(key)} and {other.get(key)}; "
                    "evaluate both alike"
                )
        truths = [_truths(spec) for spec in (one, other)]
        for case in sorted(truths[0].keys() & truths[1].keys()):
            if truths[0][case] != truths[1][case]:
                raise UserError(f"{first} and {name} were scored against other truths of {case}")


def _truths(spec: Mapping[str, Any]) -> dict[str, Any]:
    inputs = spec.get("inputs") or {}
    return {case: files.get("target") for case, files in inputs.items()}


def compare_predictions(
    models: Mapping[str, pd.DataFrame], scores: Iterable[str] | None = None
) -> Comparison:
    """Compare the scores of two or more models over the cases that all have.

    Parameters
    ----------
    models
        By name a table of cases, as `topoeval.evaluate.Evaluation.cases` or ``cases.csv``.
    scores
        The columns to compare, each with a direction; `DEFAULT_SCORES` if None.

    Raises
    ------
    UserError
        Fewer than two models, no case or class in common, or a score that a model lacks or that
        has no better direction.
    """
    names = tuple(models)
    if len(names) < 2:
        raise UserError(f"a comparison takes two models or more, got {len(names)}")
    wanted = _wanted(models, scores)
    common, notes = _common(models)
    rows, values, standings = [], [], []
    for label in dict.fromkeys(key[1] for key in common):
        cases = [key for key in common if key[1] == label]
        of_class = {name: table.set_index(list(KEYS)).loc[cases] for name, table in models.items()}
        present = ~np.logical_and.reduce([_empty(table) for table in of_class.values()])
        if absent := int((~present).sum()):
            notes.append(f"class {label}: {absent} cases without it in any mask are left out")
        for score in wanted:
            wide = pd.DataFrame({name: table[score] for name, table in of_class.items()})[present]
            kept = wide[np.isfinite(wide.astype(float)).all(axis=1)]
            if gone := len(wide) - len(kept):
                notes.append(f"class {label}, {score}: {gone} cases without a value are left out")
            if kept.empty:
                continue
            rows += _pairs(label, score, kept)
            values.append(kept.reset_index().assign(score=score))
            standings.append((label, score, kept.mean()))
    if not rows:
        raise UserError("no case has a value of every model; nothing can be compared")
    table = _corrected(pd.DataFrame(rows))
    return Comparison(
        models=names,
        table=table,
        scores=pd.concat(values, ignore_index=True),
        standings=_standings(names, table, standings),
        notes=tuple(notes),
    )


def check_measures(names: Iterable[str]) -> None:
    """Refuse what a comparison of folders of predictions does not score, before it scores them.

    Raises
    ------
    UserError
        A name that is no score, that is computed only where it is named, or that has no better
        direction.
    """
    there = all_columns((2, 3), False, None)
    for name in names:
        if name not in (known := known_columns()):
            raise UserError(f"no score {name!r}{nearest(name, known)}")
        if name not in there:
            raise UserError(
                f"compare does not score {name} itself; run 'topoeval evaluate --metrics {name}' "
                "on each model and compare the folders it wrote"
            )
        _check_direction(name)


def _check_direction(name: str) -> None:
    if metric_of(name).direction is None:
        raise UserError(f"{name} describes a mask and has no better direction")


def _wanted(models: Mapping[str, pd.DataFrame], scores: Iterable[str] | None) -> list[str]:
    """Return the columns to compare; every model must have them."""
    shared = [
        column
        for column in next(iter(models.values())).columns
        if column not in (*KEYS, *FLAGS) and all(column in table for table in models.values())
    ]
    if scores is None:
        return [name for name in DEFAULT_SCORES if name in shared] or _ranked(shared)
    wanted = [scores] if isinstance(scores, str) else list(scores)
    for name in wanted:
        if name not in shared:
            lacking = [model for model, table in models.items() if name not in table]
            of = f" in {', '.join(lacking)}" if lacking else ""
            raise UserError(f"no score {name!r}{of}{nearest(name, shared)}")
        _check_direction(name)
    return wanted


def _ranked(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if metric_of(name).direction is not None]


def _common(models: Mapping[str, pd.DataFrame]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the pairs of case and class that all models have, and which model lacks what."""
    keys = {name: list(zip(t["case"], t["class"], strict=True)) for name, t in models.items()}
    shared = set.intersection(*(set(found) for found in keys.values()))
    if not shared:
        raise UserError(f"no case and class is in all of {', '.join(models)}")
    every = list(dict.fromkeys(key for found in keys.values() for key in found))
    notes = []
    for name, found in keys.items():
        own, there = set(found), {case for case, _ in found}
        gone = sorted({case for case, _ in every if case not in there})
        if gone:
            notes.append(
                f"{name} lacks {len(gone)} cases that others have, {gone[0]} first; left out"
            )
        lacking = [key for key in every if key not in own and key[0] in there]
        for label in dict.fromkeys(label for _, label in lacking):
            cases = sorted(case for case, one in lacking if one == label)
            notes.append(
                f"{name} lacks class {label} in {len(cases)} cases, {cases[0]} first; left out"
            )
    return [key for key in next(iter(keys.values())) if key in shared], notes


def _empty(table: pd.DataFrame) -> Any:
    return (table[FLAGS[0]] & table[FLAGS[1]]).to_numpy(dtype=bool)


def _pairs(label: str, score: str, kept: pd.DataFrame) -> list[dict[str, Any]]:
    card = metric_of(score)
    higher = card.direction == "higher"
    widest = card.high - card.low
    rows = []
    for first, second in combinations(kept.columns, 2):
        a, b = (kept[name].to_numpy(dtype=float) for name in (first, second))
        found = paired_difference_of_cases(a, b, binary=card.right_or_wrong)
        apart = np.where(np.isclose(a, b, rtol=1e-12, atol=0), 0.0, a - b)
        better = apart > 0 if higher else apart < 0
        alone = outweighing(a, b) if found.basis == "cases" else None
        rows.append(
            {
                "class": label,
                "score": score,
                "first": first,
                "second": second,
                "n": found.n,
                "mean_first": a.mean(),
                "mean_second": b.mean(),
                "difference": found.mean,
                # no true mean lies beyond what the score can differ by
                "low": max(found.low, -widest),
                "high": min(found.high, widest),
                "p": found.p,
                "wins": int(better.sum()),
                "ties": int((apart == 0).sum()),
                "losses": int((~better & (apart != 0)).sum()),
                "effect": found.effect,
                "basis": found.basis,
                "rests_on": "" if alone is None else kept.index[alone][0],
            }
        )
    return rows


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """Add p-values corrected over the whole table, and who is separated as better."""
    corrected = holm(table["p"].to_numpy())
    higher = np.array([metric_of(score).direction == "higher" for score in table["score"]])
    first_better = (table["difference"].to_numpy() > 0) == higher
    named = np.where(first_better, table["first"], table["second"])
    table.insert(table.columns.get_loc("p") + 1, "p_holm", corrected)
    table.insert(table.columns.get_loc("p") + 2, "better", np.where(corrected <= _ALPHA, named, ""))
    return table


def _standings(
    names: Sequence[str], table: pd.DataFrame, means: Sequence[tuple[str, str, pd.Series]]
) -> pd.DataFrame:
    rows = []
    for label, score, mean in means:
        of = table[(table["class"] == label) & (table["score"] == score) & (table["better"] != "")]
        separated = [
            (row.better, row.second if row.better == row.first else row.first)
            for row in of.itertuples()
        ]
        found = tiers(list(names), mean.to_numpy(), separated)
        rows += [
            {
                "class": label,
                "score": score,
                "model": name,
                "mean": mean[name],
                "tier": int(found.loc[name, "tier"]),
            }
            for name in names
        ]
    return pd.DataFrame(rows)
