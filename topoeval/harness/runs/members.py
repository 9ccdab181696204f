"""Which runs a mean over seeds is made of: all of a method, or none.

What is missing (a seed, a run that failed, maps that were not kept) is named with the run and the
remedy before anything is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topoeval.errors import UserError
from topoeval.harness.runs import answers
from topoeval.harness.runs.priors import Told
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import read_plan
from topoeval.harness.suites.parameters import tells_prior
from topoeval.harness.suites.selection import Filters
from topoeval.metrics import metric_of
from topoeval.metrics.catalogue import every_column
from topoeval.records.cases import Cases
from topoeval.records.parts import MAIN_TEST
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec
from topoeval.results.records import Records


@dataclass(frozen=True, slots=True)
class Members:
    """The networks of one method on one test, one of each seed.

    Parameters
    ----------
    dataset, arm
        Labels of tables.
    test
        Name of the test.
    seeds, runs
        The seeds and the identities of their runs, in the same order.
    """

    dataset: str
    arm: str
    test: str
    seeds: tuple[int, ...]
    runs: tuple[str, ...]


def members_of(
    records: Records, filters: Filters, bases: Mapping[str, Mapping[str, str]], store: Store
) -> list[Members]:
    """Return the methods that pass and their bases, each with a run of every seed.

    Parameters
    ----------
    records
        Of a results folder; those of older code are in no mean.
    filters
        Which methods and datasets; the common start is none unless it is named.
    bases
        By dataset and label of a method the label of its base.
    store
        The results folder.

    Raises
    ------
    UserError
        A filter lets nothing pass; a damaged record, a run that failed or has not been made, a
        method with one seed or with other seeds than its base, thresholds that each run chose for
        itself, or a run that kept no maps.
    """
    if records.damaged:
        raise UserError(f"{records.damaged[0]}; the same 'topoeval run' makes it again")
    runs = records.runs
    asked = runs[(runs["role"] == "method") | runs["method"].isin(list(filters.methods))]
    specs = [records.documents[identity].spec for identity in asked["id"]]
    passing = asked.iloc[filters.passing(specs)]
    wanted = set(zip(passing["dataset"], passing["arm"], strict=True))
    wanted |= {
        (dataset, base) for dataset, arm in wanted if (base := bases.get(dataset, {}).get(arm))
    }
    _check_planned(records, wanted, store)
    found = {}
    for (dataset, arm), group in runs.groupby(["dataset", "arm"], sort=True):
        if (dataset, arm) in wanted:
            ordered = group.sort_values("seed")
            documents = [records.documents[identity] for identity in ordered["id"]]
            _check_runs(documents, str(ordered["test"].iloc[0]), store)
            found[dataset, arm] = Members(
                dataset=str(dataset),
                arm=str(arm),
                test=str(ordered["test"].iloc[0]),
                seeds=tuple(int(seed) for seed in ordered["seed"]),
                runs=tuple(one.id.partition("/")[0] for one in documents),
            )
    for (dataset, arm), members in found.items():
        other = found.get((dataset, bases.get(dataset, {}).get(arm, "")))
        if other is not None and other.seeds != members.seeds:
            raise UserError(
                f"{arm} on {dataset} has the seeds {_listed(members.seeds)} and its base "
                f"{other.arm} {_listed(other.seeds)}: means of other networks are not compared; "
                "run the seeds that are missing"
            )
    return list(found.values())


def told_priors(records: Records, members: Sequence[Members]) -> dict[str, Told]:
    """Return by dataset the prior that the methods of its records are given, which remedies get.

    It is the suite's: methods that know no prior have none in their records, and their means get
    that of the others. Where no method knows one it is the dataset's own.

    Raises
    ------
    UserError
        Two methods of a dataset are given different priors.
    """
    found: dict[str, tuple[Told, RunSpec]] = {}
    for row in records.runs.itertuples():
        spec = records.documents[row.id].spec
        if tells_prior(spec.method):
            told = Told(spec.prior, spec.prior_error)
            first, other = found.setdefault(str(row.dataset), (told, spec))
            if first != told:
                raise UserError(
                    f"{row.dataset}: {other.label} was given {first} and {spec.label} {told}, so "
                    "--remedy has no prior; run the suites into results folders of their own"
                )
    datasets = dict.fromkeys(one.dataset for one in members)
    return {name: found[name][0] if name in found else Told() for name in datasets}


def columns_of(records: Records, members: Sequence[Members]) -> dict[str, list[str]]:
    """Return by dataset the scores that all records of its methods have, as far as known here.

    Raises
    ------
    UserError
        They have none in common that can be ranked.
    """
    known = every_column()
    found: dict[str, list[str]] = {}
    for one in members:
        for run in one.runs:
            scored = recorded_cases(records.documents[run], one.test)
            before = found.get(one.dataset, list(known))
            found[one.dataset] = [name for name in before if name in scored]
    for dataset, columns in found.items():
        if not any(metric_of(name).direction for name in columns):
            raise UserError(f"the records of {dataset} have no score in common that can be ranked")
    return found


def recorded_cases(record: Record, test: str) -> Cases:
    """Return the scores that a record has of a test."""
    return record.cases if test == MAIN_TEST else record.tests[test].cases


def _check_planned(records: Records, wanted: set[tuple[str, str]], store: Store) -> None:
    """Refuse a mean while a run of its method has been planned here and not been made."""
    asked = read_plan(store)
    made = set()
    for row in records.runs.itertuples():
        if (row.dataset, row.arm) in wanted:
            spec = records.documents[row.id].spec
            made.add((spec.dataset.label, spec.method.label))
    for spec in asked.runs if asked else ():
        if (spec.dataset.label, spec.method.label) in made and not store.done(spec):
            raise UserError(
                f"{spec.label} has no record yet, and a mean is over all seeds; the same "
                "'topoeval run' makes it"
            )


def _check_runs(documents: Sequence[Record], test: str, store: Store) -> None:
    """Refuse runs of one method that have no mean: one that failed, or without maps."""
    first = documents[0].spec
    for one in documents:
        if not one.ok:
            raise UserError(
                f"{one.spec.label}: {one.status} ({one.reason}), and a mean is over all seeds; "
                f"topoeval retry {store.root} --failed, or leave its method out by --method"
            )
    if len(documents) < 2:
        raise UserError(
            f"{first.label} is the only run of its method: a mean takes two seeds or more; run "
            "others, or leave it out by --method"
        )
    if first.threshold != "half":
        raise UserError(
            f"{first.label}: each run moved its maps to a threshold of its own (threshold = "
            f"{first.threshold!r}), so their mean has none; run the suite with threshold = 'half'"
        )
    lacking = [(one, text) for one in documents if (text := _lack(one, test, store))]
    if lacking:
        one, text = lacking[0]
        more = f" (and {len(lacking) - 1} more of its seeds)" if lacking[1:] else ""
        raise UserError(
            f"{one.spec.label}{more}: {text}; a mean needs the maps of every seed: topoeval run "
            f"{one.suite} --keep-maps --again --results {store.root}"
        )


def _lack(record: Record, test: str, store: Store) -> str:
    """Return why a run has no maps, empty if it has."""
    path = store.answers(record.id.partition("/")[0])
    if answers.keeps_maps(path, test):
        return ""
    if record.answers.startswith("not kept"):
        return f"its predictions were {record.answers}"
    return "it kept masks alone" if path.exists() else f"its predictions are gone ({path})"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
