"""Precision and followers of runs: what a suite says, what a record says, what stays out of it."""

import json

import pytest

from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import preflight
from topoeval.harness.runs.executors import Inline, Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite
from topoeval.records.canonical import canonical_json


def changed(suite_file, line):
    """The tiny suite with one more line at its head."""
    text = suite_file.read_text().replace("seeds = [0]", f"seeds = [0]\n{line}")
    path = suite_file.with_name("changed.toml")
    path.write_text(text)
    return load_suite(str(path))


def test_precision_is_part_of_what_a_run_is_and_the_judge_keeps_float32(suite_file):
    """Float32, said or not, is the identity it was."""
    plain = plan(load_suite(str(suite_file)))
    assert plan(changed(suite_file, 'precision = "float32"')) == plain
    half = plan(changed(suite_file, 'precision = "bfloat16"'))
    for one, other in zip(plain, half, strict=True):
        judge = one.method.name == "judge"
        assert (one.id == other.id) == judge
        assert other.precision == ("float32" if judge else "bfloat16")


def test_the_split_that_is_scored_is_in_the_identity_of_a_search_alone(suite_file):
    """A run on the test is written as it was before there was anything else."""
    suite = load_suite(str(suite_file))
    for run, trial in zip(plan(suite), plan(suite, score="val"), strict=True):
        assert "score" not in json.loads(canonical_json(run))
        judge = run.method.name == "judge"
        assert (run.id == trial.id) == judge
        assert json.loads(canonical_json(trial)).get("score") == (None if judge else "val")


def test_the_device_is_resolved_by_the_plan(suite_file):
    """No run says auto; with a GPU in sight it says cuda, and its backend is the one there."""
    devices = {run.device for run in plan(changed(suite_file, 'device = "auto"'))}
    assert devices <= {"cpu", "cuda"}


def test_on_a_gpu_the_same_suite_is_planned_for_it(suite_file, monkeypatch):
    """Planned where torch sees one: device, backend and precision in every run."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    suite = changed(suite_file, 'device = "auto"\nprecision = "float16"\nbackend = "auto"')
    for run in plan(suite):
        assert (run.device, run.backend) == ("cuda", "torch")
        assert run.precision == ("float32" if run.method.name == "judge" else "float16")


def test_a_backend_without_voxels_is_refused_where_a_loss_needs_them(suite_file):
    """Before anything runs, with the reason; what uses no persistence may have it."""
    pytest.importorskip("gudhi")
    suite = changed(suite_file, 'backend = "gudhi_sklearn"')
    with pytest.raises(UserError, match="'gudhi_sklearn' gives values, not voxels; a loss needs"):
        preflight(suite, plan(suite))
    plain = suite.model_copy(
        update={"methods": ("cross_entropy", "largest_component"), "override": {}}
    )
    runs = plan(plain)
    preflight(plain, runs)
    assert {run.backend for run in runs} == {"gudhi_sklearn"}


def test_records_say_what_was_computed_in_what(suite_file, tmp_path):
    """A run in bfloat16, in a process of its own, with the settings that were in force."""
    suite = changed(suite_file, 'precision = "bfloat16"')
    runs = [run for run in plan(suite) if run.method.name in ("start", "judge")]
    store = Store(tmp_path / "results", suite.name)
    assert sweep(runs, store, Local(), suite.limits).failed == []
    for run in runs:
        record = store.read(run.id)
        assert record.spec.precision == run.precision == record.numerics["network"]
        assert record.numerics["losses"] == "float32"
        assert record.numerics["deterministic_algorithms"] is False


def test_every_run_leaves_its_history(suite_file, tmp_path):
    """A line a step for whatever trains or corrects; plain remedies have none."""
    suite = load_suite(str(suite_file))
    runs, store = plan(suite), Store(tmp_path / "results", suite.name)
    sweep(runs, store, Inline(), suite.limits)
    for run in runs:
        path = store.history(run.id)
        assert path.exists() == (run.method.regime != "remedy")
        if path.exists():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            steps = [line["step"] for line in lines if line["event"] == "step"]
            assert steps == list(range(1, len(steps) + 1))
            if run.method.name not in ("judge", "betti_prior_post"):
                means = [line["terms"] for line in lines if line["event"] == "epoch"]
                for name, values in store.read(run.id).history.items():
                    # a term whose weight is still 0 is not computed
                    assert [m.get(name, 0) for m in means] == pytest.approx(values, rel=1e-5)


def test_followers_are_inherited_by_workers_and_no_part_of_a_run(suite_file, tmp_path, monkeypatch):
    """The record with TensorBoard is the record without, times apart; events are in the scratch."""
    pytest.importorskip("tensorboard")
    suite = load_suite(str(suite_file)).model_copy(update={"auxiliary": {}})
    runs = [run for run in plan(suite) if run.method.name == "start"]
    records = []
    for names in ("", "tensorboard"):
        monkeypatch.setenv("TOPOEVAL_LOG", names)
        store = Store(tmp_path / f"results{names}", suite.name)
        sweep(runs, store, Local(), suite.limits)
        record = store.read(runs[0].id)
        records.append(record.model_dump(include={"id", "spec", "cases", "history", "examples"}))
        found = list(store.work(runs[0].id).glob("tensorboard/events*"))
        assert len(found) == bool(names)
    assert records[0] == records[1]
