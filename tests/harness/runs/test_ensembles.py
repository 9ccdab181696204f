"""Means over seeds, from the maps that runs have kept: by hand, and what refuses one."""

from collections import Counter

import numpy as np
import pytest

from tests.harness.runs import toy
from tests.harness.runs.toy import suite_text
from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs import answers
from topoeval.harness.runs.ensembles import ensembles, mean_of_maps, remedies_of
from topoeval.harness.runs.members import columns_of, members_of, told_priors
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters
from topoeval.metrics import Settings, betti_numbers, score_cases
from topoeval.results.records import read
from topoeval.topology import Topology

SUITE = suite_text(
    "means",
    """
metrics = ["dice", "betti_error", "matches_truth", "b{k}"]
keep_answers = "maps"
seeds = [0, 1, 2]
methods = ["cross_entropy", "dice_ce"]
""",
    """
[[dataset]]
name = "strokes"
sizes = { train = 16, test = 7 }

[dataset.tests.noisy]
split = "shifted"
size = 5
""",
)
CLASSES = (
    SUITE.replace("[0, 1, 2]", "[3, 4]").partition("[[dataset]]")[0]
    + """
[[dataset]]
name = "cardiac"
sizes = { train = 8, test = 5 }
params = { structure = "all", side = 48 }
"""
)


def finished(folder, text, name="results"):
    """Run a suite; return its store and the runs of its methods."""
    store, runs = toy.finished(folder, text, name)
    return store, [run for run in runs if run.method.role == "method"]


def averaged(store, remedies=(), filters=None, bases=None):
    """Return what the means of a results folder score, by dataset and method."""
    records = read(store.root / "records")
    members = members_of(records, filters or Filters(), bases or {}, store)
    columns, told = columns_of(records, members), told_priors(records, members)
    found = ensembles(store.root, members, columns, remedies_of(remedies), told=told)
    return {(one.dataset, one.arm): one for one in found}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished suite of three seeds, which no test changes."""
    return finished(tmp_path_factory.mktemp("means"), SUITE)


@pytest.fixture
def changed(tmp_path):
    """The same suite in a folder that a test may change."""
    return finished(tmp_path, SUITE.partition("[dataset.tests")[0])


def test_a_mean_is_that_of_all_seeds_by_hand(swept):
    """Of both tests; single networks score what their records say."""
    store, runs = swept
    found = averaged(store, ["edit"])
    names = {dataset for dataset, _ in found}
    assert len(names) == 2
    for test, split, size in (("test", "test", 7), ("noisy", "shifted", 5)):
        (dataset,) = (name for name in names if ("noisy" in name) == (test == "noisy"))
        samples = list(datasets.load("strokes", split, size))
        targets = np.stack([sample.target for sample in samples])
        for title, label in (
            ("Cross-entropy", "cross_entropy"),
            ("Dice + cross-entropy", "dice_ce"),
        ):
            mine = [run for run in runs if run.method.label == label]
            kept = [answers.read(store.answers(run.id))[test] for run in mine]
            assert len(kept) == 3
            assert not any(one.masks_only for one in kept)
            mean = (sum(one.probabilities.astype(float) for one in kept) / 3).astype(np.float32)
            by_hand = score_cases(mean, targets, Settings(Topology.parse(mine[0].topology)))
            one = found[dataset, title]
            assert one.seeds == (0, 1, 2)
            assert one.cases == tuple(sample.case for sample in samples)
            for name, values in one.mean.items():
                np.testing.assert_array_equal(values, by_hand[name])
            records = [store.read(run.id) for run in mine]
            recorded = [
                (record.cases if test == "test" else record.tests[test].cases)["betti_error"]
                for record in records
            ]
            np.testing.assert_allclose(one.single["betti_error"], np.mean(recorded, axis=0))
            # the remedy has the prior of each case
            priors = np.array([sample.prior for sample in samples])
            bars = np.stack([one.repaired["edit"][f"b{k}"] for k in range(2)], axis=1)
            np.testing.assert_array_equal(bars, priors)
            before = betti_numbers(mean[:, 0] >= 0.5, Topology.parse(mine[0].topology), 2)
            assert (before != priors).any(), "the edit had something to do"


def test_the_mean_is_no_mean_of_masks(swept):
    """Or probabilities would not be needed."""
    store, runs = swept
    mine = [run for run in runs if run.method.label == "dice_ce"]
    maps = [answers.read(store.answers(run.id))["test"].probabilities for run in mine]
    votes = np.mean([one >= 0.5 for one in maps], axis=0) >= 0.5
    assert (votes != (np.mean(maps, axis=0) >= 0.5)).any()


PRIORS = suite_text(
    "priors",
    """
metrics = ["dice", "b{k}"]
keep_answers = "maps"
seeds = [0, 1]
prior = "train"
prior_error = [1, 0]
methods = ["cross_entropy", "keep_and_fill"]
""",
    """
[[dataset]]
name = "strokes"
sizes = { train = 16, test = 5 }
""",
)


def test_remedies_have_the_prior_that_the_runs_had(tmp_path):
    """That of the training masks, wrong by one, also for the mean of a method that knows none."""
    store, runs = finished(tmp_path, PRIORS)
    assert {run.method.name: run.prior for run in runs} == {
        "cross_entropy": "given",
        "keep_and_fill": "train",
    }
    topology, frequent = Topology.parse(runs[0].topology), set()
    for seed in (0, 1):
        masks = [
            sample.target >= 0.5 for sample in datasets.load("strokes", "train", 16, seed=seed)
        ]
        counts = Counter(map(tuple, betti_numbers(np.concatenate(masks), topology, 2).tolist()))
        ((prior, _),) = counts.most_common(1)
        frequent.add(prior)
    ((components, holes),) = frequent
    found = averaged(store, ["edit"])
    assert len(found) == 2
    for one in found.values():
        assert one.repaired["edit"]["b0"].tolist() == [components + 1] * 5
        assert one.repaired["edit"]["b1"].tolist() == [holes] * 5
    # two priors in one folder are none
    other = PRIORS.replace('"train"', '"oracle"').replace(
        '"cross_entropy", "keep_and_fill"', '"edit"'
    )
    finished(tmp_path, other.replace("methods =", 'reference = "edit"\nmethods ='))
    with pytest.raises(UserError) as refused:
        averaged(store, ["edit"], Filters(methods=["cross_entropy"]))
    told = str(refused.value)
    assert "was given prior = 'train', prior_error = [1, 0] and " in told
    assert " prior = 'oracle', prior_error = [1, 0], so --remedy has no prior" in told


def test_seeds_with_other_training_masks_have_no_prior_together(tmp_path):
    """One training image each, with a hole and without."""
    text = PRIORS.replace("train = 16", "train = 1").replace("prior_error = [1, 0]\n", "")
    store, _ = finished(tmp_path, text)
    with pytest.raises(UserError, match=r"seed 1 and of seed 0 have other frequent Betti numbers"):
        averaged(store, ["edit"])
    assert len(averaged(store)) == 2


def test_exclusive_classes_stay_exclusive(tmp_path):
    """By the rule of means over flips; with a remedy, too."""
    store, runs = finished(tmp_path, CLASSES)
    found = averaged(store, ["edit"])
    (dataset,) = {dataset for dataset, _ in found}
    one = found[dataset, "Dice + cross-entropy"]
    mine = [run for run in runs if run.method.label == "dice_ce"]
    maps = [answers.read(store.answers(run.id))["test"].probabilities for run in mine]
    assert maps[0].shape[:2] == (5, 3)
    mean = mean_of_maps(np.mean(maps, axis=0, dtype=float), exclusive=True)
    assert ((mean >= 0.5).sum(1) <= 1).all()
    targets = np.stack(
        [s.target for s in datasets.load("cardiac", "test", 5, structure="all", side=48)]
    )
    by_hand = score_cases(mean, targets, Settings(Topology.parse(mine[0].topology)), ["dice"])
    np.testing.assert_array_equal(one.mean["dice"], by_hand["dice"])
    assert set(one.repaired) == {"edit"}


def test_a_tie_of_two_exclusive_classes_is_the_first():
    """Both reach a half in the mean of two networks that disagree; regions keep both."""
    maps = np.array([[0.7, 0.3, 0.1], [0.3, 0.7, 0.1]]).reshape(2, 1, 3, 1, 1)
    mean = maps.mean(0)
    assert (mean_of_maps(mean, exclusive=False) >= 0.5).flatten().tolist() == [True, True, False]
    assert (mean_of_maps(mean, exclusive=True) >= 0.5).flatten().tolist() == [True, False, False]
    # what is below a half does not become one by rounding
    assert mean_of_maps(np.array([[[[0.5 - 1e-12]]]]), exclusive=False) < 0.5


def test_maps_that_are_not_there_are_named_with_the_remedy(changed):
    """Masks alone, answers that are gone, and a suite that kept none."""
    store, runs = changed
    run = next(run for run in runs if run.method.label == "dice_ce" and run.seed == 1)
    path = store.answers(run.id)
    kept = answers.read(path)["test"]
    again = rf"topoeval run means --keep-maps --again --results {store.root}"
    answers.keep(path, {"test": answers.Answer(kept.cases, kept.probabilities, masks_only=True)})
    with pytest.raises(UserError, match=rf"dice_ce/seed1: it kept masks alone; .*{again}"):
        averaged(store)
    path.unlink()
    with pytest.raises(UserError, match=rf"dice_ce/seed1: its predictions are gone .*{again}"):
        averaged(store)
    record = store.read(run.id)
    store.write(record.model_copy(update={"answers": "not kept: too large"}))
    with pytest.raises(UserError, match="dice_ce/seed1: its predictions were not kept: too large"):
        averaged(store)
    # the other method has all of its own
    (one,) = averaged(store, filters=Filters(methods=["cross_entropy"])).values()
    assert one.arm == "Cross-entropy"


def test_maps_of_another_run_are_refused(changed):
    """They do not have the scores of the record."""
    store, runs = changed
    first, second = (run for run in runs if run.method.label == "dice_ce" and run.seed < 2)
    store.answers(first.id).write_bytes(store.answers(second.id).read_bytes())
    with pytest.raises(UserError, match=r"dice_ce/seed0: its kept maps give dice .* run it again"):
        averaged(store)


def test_seeds_that_are_missing_are_no_smaller_mean(changed):
    """A run that failed, one that was planned, and a base with other seeds."""
    store, runs = changed
    run = next(run for run in runs if run.method.label == "dice_ce" and run.seed == 2)
    record = store.read(run.id)
    failed = {"status": "timeout", "fault": "machine", "error": "too slow", "cases": {}}
    store.write(record.model_copy(update=failed))
    with pytest.raises(UserError, match=r"dice_ce/seed2: timeout \(too slow\).*topoeval retry"):
        averaged(store)
    store.discard(run.id)
    with pytest.raises(UserError, match="dice_ce/seed2 has no record yet"):
        averaged(store)
    store.sweep.unlink()
    bases = {"strokes": {"Dice + cross-entropy": "Cross-entropy"}}
    with pytest.raises(UserError, match="has the seeds 0, 1 and its base Cross-entropy 0, 1, 2"):
        averaged(store, bases=bases)
    store.discard(next(one.id for one in runs if one.method.label == "dice_ce" and one.seed == 1))
    with pytest.raises(UserError, match="dice_ce/seed0 is the only run of its method"):
        averaged(store)
    damaged = store.record_path(runs[0].id)
    damaged.write_text(damaged.read_text()[:-9])
    with pytest.raises(UserError, match=f"{damaged.name} is set aside"):
        averaged(store)


def test_remedies_and_methods_that_there_are_not():
    """The nearest is offered."""
    with pytest.raises(UserError, match=r"edti.*edit"):
        remedies_of(["edti"])
    with pytest.raises(UserError, match="no parameter 'setle'; did you mean 'settle'"):
        remedies_of(["edit[setle=true]"])
    takes = (
        r"--remedy edit\[settle=maybe\]: remedy 'edit' takes true or false as settle, got 'maybe'"
    )
    with pytest.raises(UserError, match=f"^{takes}$"):
        remedies_of(["edit", "edit[settle=maybe]"])
    assert [str(one) for one in remedies_of(["edit", "edit", "edit[settle=true]"])] == [
        "edit",
        "edit[settle=true]",
    ]


def test_maps_are_kept_where_the_suite_asks_and_no_run_is_another(tmp_path):
    """Masks alone are a hundredth; identities and records are the same."""
    path = tmp_path / "asks.toml"
    found = {}
    for value in ("true", "false", '"maps"'):
        path.write_text(SUITE.replace('keep_answers = "maps"', f"keep_answers = {value}"))
        found[value] = plan(load_suite(str(path)))
    assert {len({run.id for run in runs}) for runs in zip(*found.values(), strict=True)} == {1}
    recorded = [[run.recorded() for run in runs] for runs in found.values()]
    assert recorded[0] == recorded[1] == recorded[2]
    assert [run.scoring.keep_answers for run in found['"maps"']] == ["maps"] * len(recorded[0])
    path.write_text(SUITE.replace('"maps"', '"all"'))
    with pytest.raises(UserError, match=r"keep_answers: .*'maps'.*all"):
        load_suite(str(path))
