"""Searches: the rule, equal shares, resuming, and that nobody looks at the test."""

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from topoeval import UserError, datasets
from topoeval.harness.plans.plan import plan, plan_selected
from topoeval.harness.plans.preflight import preflight
from topoeval.harness.runs import tasks
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters, on_datasets
from topoeval.harness.suites.tuned import read_tuned
from topoeval.harness.tuning.samplers import Trial
from topoeval.harness.tuning.search import Search
from topoeval.harness.tuning.tuning import for_trials, tune, tuning_store
from topoeval.records.record import Record


@pytest.fixture
def suite(suite_file):
    """The tiny suite with a search of four trials a method."""
    suite_file.write_text(suite_file.read_text() + "\n[tuning]\ntrials = 4\nseeds = [8, 9]\n")
    return load_suite(str(suite_file))


@pytest.fixture
def store(tmp_path, suite):
    """The folder of the trials of an empty results folder."""
    return tuning_store(tmp_path / "results", suite)


class Pretend:
    """Leaves records with scores that a formula gives, without training anything."""

    def __init__(self, store, dice, betti_error=lambda run: 1.0):
        self.store, self.dice, self.betti_error = store, dice, betti_error
        self.ran = []

    def __call__(self, runs):
        known = set()
        for run in runs:
            assert set(run.parents.values()) <= known  # parents come first, and are there
            known.add(run.id)
            if self.store.done(run):
                continue
            self.ran.append(run)
            outcome = {"status": "failed"}
            if (dice := self.dice(run)) is not None:
                # two cases, whose mean is what was asked for
                error = [2 * self.betti_error(run), 0]
                scores = {"dice": [dice - 0.05, dice + 0.05], "betti_error": error}
                outcome = {"status": "ok", "cases": {"case": ["a", "b"], **scores}}
            self.store.write(Record.of(run, "tiny", datetime.now(UTC), outcome))


def rate(run):
    return run.training.learning_rate


def by_name(searches):
    return {search.method.name: search for search in searches}


@pytest.mark.parametrize(
    ("trials", "enough", "chosen", "within", "words"),
    [
        ([(0.90, 3.0), (0.895, 1.0), (0.85, 0.1)], 0.89, 1, True, "of the 2 of 3 trials"),
        ([(0.890, 1.0), (0.90, 1.0), (0.90, 1.0)], 0.89, 1, True, "lowest Betti error"),
        ([(0.88, 1.0), (0.70, 0.0)], 0.89, 0, False, "no trial has the Dice of 0.8900"),
        ([(0.88, 1.0), None, (0.95, 2.0)], 0.89, 2, True, "of the 1 of 3 trials"),
        ([(0.88, 1.0), (0.95, 2.0)], None, 1, False, "for it failed"),
        ([None, None], 0.89, None, False, "no trial ended well"),
        ([], 0.89, None, False, "nothing to tune"),
    ],
)
def test_the_rule(trials, enough, chosen, within, words):
    """Enough Dice first, then the lowest Betti error; else the highest Dice, and it says so."""
    search = Search(method=None, runs=(), space={}, sampler=None)
    for scores in trials:
        dice, betti_error = scores or (None, None)
        search.trials.append(Trial({"weight": 1.0}, dice=dice, betti_error=betti_error))
    search.choose(enough)
    assert (search.chosen, search.within) == (chosen, within)
    assert words in search.why


def test_every_method_gets_the_same_number_of_trials(suite, store):
    """Each with every seed of the tuning; what has nothing to tune says so and runs nothing."""
    execute = Pretend(store, dice=lambda run: 0.9)
    found = by_name(tune(suite, store, execute))
    for name in ("cross_entropy", "betti_prior_semi", "betti_prior_post"):
        values = [json.dumps(trial.values) for trial in found[name].trials]
        assert len(set(values)) == 4
        ran = [run for run in execute.ran if run.method.name == name]
        assert len(ran) == 8
        assert {run.seed for run in ran} == {8, 9}
    assert found["largest_component"].trials == []
    assert found["largest_component"].why == "nothing to tune"
    assert not {run.seed for run in execute.ran} & set(suite.seeds)
    assert {run.score for run in execute.ran} == {"val"}
    assert "judge" not in {run.method.name for run in execute.ran}


def test_the_best_dice_of_the_reference_is_the_bar_for_all(suite, store):
    """The reference searches its learning rate; the others may lose a point to its best trial."""

    def dice(run):
        if run.method.name == "cross_entropy":
            return {0.01: 0.95, 0.001: 0.90, 0.0001: 0.80}.get(rate(run), 0.85)
        return 0.935 if run.method.losses[-1].weight < 0.05 else 0.941

    found = by_name(tune(suite, store, Pretend(store, dice, lambda run: 1 - dice(run))))
    assert found["cross_entropy"].enough == pytest.approx(0.94)
    assert found["cross_entropy"].choice.values == {"training.learning_rate": 0.01}
    semi = found["betti_prior_semi"]
    assert semi.within
    assert semi.choice.values["weight"] >= 0.05
    assert found["betti_prior_post"].within


def test_a_correction_begins_with_the_chosen_network(suite, store):
    """Its trials are those of the network that final runs will start from."""
    execute = Pretend(store, lambda run: 0.9 - abs(rate(run) - 0.0001))
    found = by_name(tune(suite, store, execute))
    assert found["cross_entropy"].choice.values == {"training.learning_rate": 0.0001}
    trained = {run.id: rate(run) for run in execute.ran if run.method.name == "cross_entropy"}
    corrected = [run for run in execute.ran if run.method.name == "betti_prior_post"]
    assert {trained[run.parents["start"]] for run in corrected} == {0.0001}


def test_the_search_is_recorded_and_final_runs_read_it(suite, store):
    """Space, trials, choice and reason in a file per method; the choice in tuned.toml."""
    found = by_name(tune(suite, store, Pretend(store, lambda run: 0.9)))
    record = json.loads((store.root / "betti_prior_semi.json").read_text())
    assert record["space"] == {"weight": {"low": 0.003, "high": 1.0, "log": True}}
    assert (record["trials"], record["seeds"], record["sampler"]) == (4, [8, 9], "grid")
    (place,) = record["datasets"]
    assert place["trials"][0]["values"] == {"weight": 0.1}  # the method's own comes first
    assert {trial["dice"] for trial in place["trials"]} == {0.9}
    for trial in place["trials"]:
        assert all(store.record_path(run).exists() for run in trial["runs"])
    chosen = place["trials"][place["chosen"]]["values"]
    assert chosen == found["betti_prior_semi"].choice.values
    assert "lowest Betti error" in place["why"]
    tuned = read_tuned(store.root.parent / "tuned.toml")
    (final,) = [r for r in plan(suite, tuned=tuned) if r.method.name == "betti_prior_semi"]
    assert final.method.losses[1].weight == chosen["weight"]
    assert final.score == "test"


def test_the_same_again_runs_nothing_and_writes_the_same(suite, store):
    """And a larger search repeats no trial of the smaller one."""
    tune(suite, store, Pretend(store, lambda run: 0.9))
    files = [*store.root.glob("*.json"), store.root.parent / "tuned.toml"]
    before = {path: path.read_bytes() for path in files}
    again = Pretend(store, lambda run: 0.9)
    tune(suite, store, again)
    assert again.ran == []
    assert {path: path.read_bytes() for path in files} == before
    more = suite.model_copy(update={"tuning": suite.tuning.model_copy(update={"trials": 5})})
    tune(more, store, again)
    ran = [run.method.name for run in again.ran]
    assert sorted(ran) == sorted(
        ["cross_entropy", "betti_prior_semi", "betti_prior_post"] * len(suite.tuning.seeds)
    )


def test_a_trial_with_a_failed_run_is_not_chosen(suite, store):
    """One seed that fails is enough; a method of which all fail keeps its own values."""

    def dice(run):
        if run.method.name == "betti_prior_semi" and run.method.losses[-1].weight < 0.01:
            return None if run.seed == 9 else 0.99
        return None if run.method.name == "betti_prior_post" else 0.9

    found = by_name(tune(suite, store, Pretend(store, dice)))
    failed = [trial for trial in found["betti_prior_semi"].trials if trial.error]
    assert [trial.values["weight"] for trial in failed] == [0.003]
    assert failed[0].error == "failed"
    assert found["betti_prior_semi"].choice.values["weight"] != 0.003
    assert found["betti_prior_post"].choice.values == {}
    assert "ended well" in found["betti_prior_post"].why
    chosen = tomllib.loads((store.root.parent / "tuned.toml").read_text())["choice"]
    assert [c["values"] for c in chosen if c["method"] == "betti_prior_post"] == [{}]


def test_each_dataset_has_a_search_of_its_own(suite, store):
    """What suits one corruption need not suit another."""
    (dataset,) = suite.datasets
    two = tuple(dataset.model_copy(update={"params": {"lines": n}}) for n in (4, 8))
    suite = suite.model_copy(update={"datasets": two})

    def dice(run):
        best = {4: 0.0001, 8: 0.01}[run.dataset.params["lines"]]
        return 0.9 if rate(run) == best else 0.5

    tune(suite, store, Pretend(store, dice))
    tuned = read_tuned(store.root.parent / "tuned.toml")
    rates = {
        run.dataset.params["lines"]: rate(run)
        for run in plan(suite, tuned=tuned)
        if run.method.name == "cross_entropy"
    }
    assert rates == {4: 0.0001, 8: 0.01}


def test_a_search_on_one_dataset_keeps_what_was_chosen_on_others(suite, store):
    """Choices and records of the others stay; final runs on what was not searched are refused."""
    (one,) = suite.datasets
    lines = [one.model_copy(update={"params": {**one.params, "lines": n}}) for n in (4, 8)]
    suite = suite.model_copy(update={"datasets": tuple(lines)})
    path = store.root.parent / "tuned.toml"

    tune(on_datasets(suite, ["strokes[lines=4]"]), store, Pretend(store, lambda run: 0.9))
    with pytest.raises(UserError, match="topoeval tune tiny --dataset strokes"):
        plan_selected(suite, Filters(datasets=["strokes[lines=8]"]), tuned=read_tuned(path))
    on_four = plan_selected(suite, Filters(datasets=["strokes[lines=4]"]), tuned=read_tuned(path))
    assert {run.dataset.params["lines"] for run in on_four} == {4}

    before = read_tuned(path).choices
    # a method that the suite has got since is missed where it is to run, and nowhere else
    fewer = read_tuned(path).model_copy(
        update={"choices": tuple(one for one in before if one.method != "betti_prior_semi")}
    )
    others = Filters(["cross_entropy"], ["strokes[lines=4]"])
    assert plan_selected(suite, others, tuned=fewer)
    with pytest.raises(UserError, match="have none for method 'betti_prior_semi'"):
        plan_selected(suite, Filters(["betti_prior_semi"], ["strokes[lines=4]"]), tuned=fewer)

    tune(on_datasets(suite, ["strokes[lines=8]"]), store, Pretend(store, lambda run: 0.9))
    after = read_tuned(path).choices
    assert after[: len(before)] == before
    assert len(after) == 2 * len(before)
    record = json.loads((store.root / "cross_entropy.json").read_text())
    assert [one["params"]["lines"] for one in record["datasets"]] == [4, 8]

    other = suite.model_copy(update={"tuning": suite.tuning.model_copy(update={"seeds": (7,)})})
    with pytest.raises(UserError, match="give another folder by --results"):
        tune(on_datasets(other, ["strokes[lines=8]"]), store, None)
    with pytest.raises(UserError, match="has no dataset 'stroke'; known: strokes"):
        on_datasets(suite, ["stroke"])


def test_a_search_never_loads_the_test(suite, store, monkeypatch):
    """Real trials, watched; the final run then loads it once."""
    loaded = []
    real = datasets.load

    def spy(name, split, *args, **kwargs):
        loaded.append(split)
        return real(name, split, *args, **kwargs)

    monkeypatch.setattr(tasks.datasets, "load", spy)
    tuning = suite.tuning.model_copy(update={"trials": 2, "seeds": (8,)})
    suite = suite.model_copy(update={"tuning": tuning})
    trials = for_trials(suite)
    preflight(trials, plan(trials, score="val"))

    def execute(runs):
        assert sweep(runs, store, Inline(), suite.limits).failed == []

    found = tune(suite, store, execute)
    assert all(trial.error is None for search in found for trial in search.trials)
    assert set(loaded) == {"train", "unlabelled", "val"}

    loaded.clear()
    tuned = read_tuned(store.root.parent / "tuned.toml")
    final = [run for run in plan(suite, tuned=tuned) if run.method.name in ("start", "judge")]
    sweep(final, store, Inline(), suite.limits)
    assert loaded.count("test") == 1
    assert "val" not in loaded


def test_a_dataset_without_validation_images_is_refused(suite, store, monkeypatch):
    """Before anything runs."""
    info = datasets.info("strokes")
    sizes = {split: n for split, n in info.sizes.items() if split != "val"}
    monkeypatch.setattr(datasets.DATASETS.load("strokes"), "info", replace(info, sizes=sizes))
    with pytest.raises(UserError, match="strokes: no split 'val'"):
        tune(suite, store, None)


def test_a_reference_that_corrects_another_method_is_refused(suite, store):
    """There would be nobody to set the bar for the method it begins with."""
    suite = suite.model_copy(update={"reference": "largest_component"})
    with pytest.raises(UserError, match="'largest_component' begins with 'cross_entropy'"):
        tune(suite, store, None)
