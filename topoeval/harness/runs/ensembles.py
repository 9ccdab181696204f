"""The mean of a method's networks over its seeds, made of the maps that finished runs have kept.

People deploy the mean of several networks (nnU-Net: one of each of five folds). It is made here
after the fact, and nothing is trained. That kept maps are those of a record is not taken for
granted: the scores that cost little are computed again and must be those that stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.evaluate.parallel import Problem, Workers
from topoeval.harness.runs import answers
from topoeval.harness.runs.build import classes_of
from topoeval.harness.runs.members import Members, recorded_cases
from topoeval.harness.runs.priors import Told, priors_of_seeds
from topoeval.harness.runs.rescoring import check_revision, located
from topoeval.harness.runs.scoring import Readers, readers_of, revisions, scorable, score_test
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.tasks import test_of
from topoeval.harness.suites.parameters import check_remedy
from topoeval.metrics import metric_of
from topoeval.records.cases import Cases
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec
from topoeval.records.variant import Variant, variants
from topoeval.results.ensembles import EnsembleScores
from topoeval.topology import Topology
from topoeval.training import TensorSet, apply_remedy
from topoeval.training.classes import at_most_one
from topoeval.training.remedies import REMEDIES

Listener = Callable[[int, int], None]
Maps = NDArray[np.float32]

# records have six significant digits
_DIGITS = 1e-5


def remedies_of(texts: Sequence[str]) -> list[Variant]:
    """Return the remedies that texts as ``edit[settle=true]`` name, each once.

    Raises
    ------
    UserError
        As `topoeval.harness.suites.parameters.check_remedy`.
    """
    found = {str(one): one for text in texts for one in variants(text)}
    for text, one in found.items():
        check_remedy(f"--remedy {text}", one.name, one.params)
        REMEDIES.load(one.name)  # one that cannot be used here says why
    return list(found.values())


def ensembles(
    folder: Path,
    members: Sequence[Members],
    columns: Mapping[str, Sequence[str]],
    remedies: Sequence[Variant] = (),
    jobs: int = 1,
    listener: Listener | None = None,
    told: Mapping[str, Told] | None = None,
) -> list[EnsembleScores]:
    """Average the maps of each method's networks and score the means, and the networks alone.

    A class is predicted where the mean is 0.5 or more; of exclusive classes at most one
    (`topoeval.training.classes.at_most_one`). The maps of one method are in memory at a time, in
    each process.

    Parameters
    ----------
    folder
        The results folder.
    members
        What `members_of` returned.
    columns
        By dataset the scores; those that need what a test does not have are left out.
    remedies
        Each corrects the means by the prior of each test case.
    jobs
        Processes side by side.
    listener
        Told how many of how many methods are done.
    told
        By dataset which prior remedies are given, as `told_priors` returns it; else the dataset's.

    Raises
    ------
    UserError
        Kept maps that are gone, damaged or not those of the record; a remedy without priors.
    """
    store = Store(folder, "")
    orders: dict[str, str] = {}
    priors: dict[str, NDArray[np.int64]] = {}
    for one in members:
        if one.dataset not in orders:
            like = [other for other in members if other.dataset == one.dataset]
            specs = _specs_of_seeds(store, like)
            orders[one.dataset] = specs[0].model_dump_json(by_alias=True)
            if remedies:
                prior = (told or {}).get(one.dataset, Told())
                test = _test(orders[one.dataset], one.test)
                priors[one.dataset] = _priors(specs, test, prior, remedies)
    work = partial(_ensemble, folder, orders, columns, tuple(remedies), priors)
    found: dict[int, EnsembleScores] = {}
    with Workers(jobs) as workers:
        labels = {one: f"{one.arm} on {one.dataset}" for one in members}
        for position, result in workers.over(work, members, labels.__getitem__):
            if isinstance(result, Problem):
                raise UserError(f"{result.file}: {result.message}")
            found[position] = result
            if listener is not None:
                listener(len(found), len(members))
    return [found[position] for position in sorted(found)]


def _specs_of_seeds(store: Store, members: Sequence[Members]) -> list[RunSpec]:
    """Return a run of each seed of a dataset's methods, as it can be made here."""
    runs: dict[int, str] = {}
    for one in members:
        for seed, identity in zip(one.seeds, one.runs, strict=True):
            runs.setdefault(seed, identity)
    found = []
    for identity in runs.values():
        record = store.read(identity)
        assert record is not None  # it was listed
        found.append(located(record.spec, store, identity))
    return found


def _priors(
    specs: Sequence[RunSpec], test: TensorSet, told: Told, remedies: Sequence[Variant]
) -> NDArray[np.int64]:
    priors = priors_of_seeds(specs, test, told)
    if priors is None:
        raise UserError(
            f"dataset {specs[0].dataset.label!r} has no prior of each case, by which --remedy "
            f"{remedies[0]} corrects; leave it out"
        )
    return priors


@lru_cache(maxsize=1)
def _test(order: str, name: str) -> TensorSet:
    """Return a test of a run's order; the methods of a dataset come one after another."""
    spec = RunSpec.model_validate_json(order)
    check_revision(spec)
    return test_of(spec, name)


def _ensemble(
    folder: Path,
    orders: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    remedies: Sequence[Variant],
    priors: Mapping[str, NDArray[np.int64]],
    members: Members,
) -> EnsembleScores:
    store = Store(folder, "")
    test = _test(orders[members.dataset], members.test)
    total = np.zeros(tuple(test.targets.shape))
    singles: list[dict[str, Any]] = []
    for identity in members.runs:
        record = store.read(identity)
        assert record is not None  # it was listed, and nobody else is at work here
        spec = located(record.spec, store, identity)
        kept = answers.read(store.answers(identity)).get(members.test)
        if kept is None or kept.cases != test.cases or kept.probabilities.shape != total.shape:
            raise UserError(
                f"{spec.label}: its kept answers are of other cases than its test; run it again"
            )
        known = scorable(spec, test)
        names = [name for name in columns[members.dataset] if name in known]
        readers = readers_of(spec, test, store)
        singles.append(_alone(spec, test, kept.probabilities, names, readers, record, members.test))
        total += kept.probabilities
    mean = mean_of_maps(total / len(members.runs), exclusive=classes_of(spec).softmax)
    repaired = {}
    for one in remedies:
        corrected = _repaired(spec, mean, test, priors[members.dataset], one)
        repaired[str(one)] = _columns(score_test(spec, test, corrected, names, readers))
    return EnsembleScores(
        dataset=members.dataset,
        arm=members.arm,
        seeds=members.seeds,
        cases=test.cases,
        single={
            name: np.mean([_column(scores[name]) for scores in singles], axis=0) for name in names
        },
        mean=_columns(score_test(spec, test, mean, names, readers)),
        repaired=repaired,
    )


def mean_of_maps(mean: NDArray[np.float64], *, exclusive: bool) -> Maps:
    """Return a mean of maps ``(N, C, *spatial)`` as predictions are, in float32.

    What is below 0.5 stays below it, and of `exclusive` classes a voxel has at most one.
    """
    maps = mean.astype(np.float32)
    maps[(mean < 0.5) & (maps >= 0.5)] = np.nextafter(np.float32(0.5), np.float32(0))
    return at_most_one(torch.from_numpy(maps)).numpy() if exclusive else maps


def _repaired(
    spec: RunSpec, mean: Maps, test: TensorSet, priors: NDArray[np.int64], remedy: Variant
) -> Maps:
    corrected = apply_remedy(
        remedy.name,
        mean,
        priors,
        Topology.parse(spec.topology),
        exclusive=classes_of(spec).softmax,
        **remedy.params,
    )
    return test.without_ignored(torch.from_numpy(corrected)).numpy()


def _alone(
    spec: RunSpec,
    test: TensorSet,
    maps: Maps,
    names: Sequence[str],
    readers: Readers,
    record: Record,
    name_of_test: str,
) -> dict[str, Any]:
    """Return the scores of one network: those of its record that today's metrics would give.

    What costs little is computed all the same, to see that the maps are those of the record; so is
    everything where nothing of the record costs little.
    """
    recorded, today = recorded_cases(record, name_of_test), revisions(names)
    trusted = [name for name in names if record.metrics.get(name) == today[name]]
    compared = [name for name in trusted if metric_of(name).cost == "low"]
    taken = [name for name in trusted if name not in compared] if compared else []
    again = [name for name in names if name not in taken]
    scores = score_test(spec, test, maps, again, readers)
    _check_recorded(record, recorded, {name: scores[name] for name in again if name in trusted})
    return {name: scores.get(name, recorded.get(name)) for name in names}


def _check_recorded(record: Record, recorded: Cases, scores: Mapping[str, Any]) -> None:
    """Refuse maps that do not have the scores of their record: they are of another run."""
    for name, values in scores.items():
        ours, theirs = _column(values), _column(recorded[name])
        differ = ~np.isclose(ours, theirs, rtol=_DIGITS, atol=0, equal_nan=True)
        if differ.any():
            place = int(differ.argmax())
            raise UserError(
                f"{record.spec.label}: its kept maps give {name} {ours[place]:g} on "
                f"{recorded['case'][place]}, and its record has {theirs[place]:g}; run it again"
            )


def _column(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array(values, dtype=float)  # None is NaN


def _columns(scores: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    return {name: _column(values) for name, values in scores.items()}
