"""Further metrics for finished runs: those of a fresh run, and what cannot be scored is named."""

import json

import numpy as np
import pytest

from topoeval.checksums import KEY
from topoeval.errors import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs import answers
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.rescoring import rescore
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite

ADDED = ["cldice", "hd95", "betti_matching_union_{k}", "mse", "digit_correct"]
COLUMNS = ["cldice", "hd95", "betti_matching_union_0", "betti_matching_union_1", "mse"]


def finished(path, folder, head):
    """Run the tiny suite with a line at its head; return its runs and their store."""
    path.write_text(path.read_text().replace("schema = 1\n", f"schema = 1\n{head}\n", 1))
    suite = load_suite(str(path))
    runs = plan(suite)
    store = Store(folder, suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    return runs, store


@pytest.fixture
def small(suite_file):
    """The suite with one trained method, one remedy, and a further test."""
    text = suite_file.read_text()
    methods = '"betti_prior_semi", "betti_prior_post", '
    text = text.replace(methods, "").replace(
        "[override.betti_prior_post.adaptation]\nsteps = 3\n", ""
    )
    suite_file.write_text(text + '\n[dataset.tests.noisy]\nsplit = "shifted"\nsize = 4\n')
    return suite_file


def test_scores_are_those_of_a_fresh_run(small, tmp_path):
    """Bit for bit, on every test; nothing is trained, and other columns stay as they are."""
    text = small.read_text()
    runs, store = finished(small, tmp_path / "few", 'metrics = ["dice", "mse"]')
    small.write_text(text)
    again, fresh = finished(small, tmp_path / "all", f"metrics = {['dice', *ADDED]!r}")
    assert [run.id for run in runs] == [run.id for run in again]
    before = {run.id: store.read(run.id) for run in runs}
    networks = {path: path.stat().st_mtime_ns for path in store.root.glob("work/*/network.pt")}

    done = rescore(store.root, ADDED)

    scored = [run for run in runs if run.is_scored]
    assert (len(done.changed), done.problems) == (len(scored), {})
    for run in scored:
        ours, theirs = store.read(run.id), fresh.read(run.id)
        assert ours.cases == theirs.cases
        assert ours.tests == theirs.tests
        assert ours.metrics == theirs.metrics
        assert set(COLUMNS) <= ours.cases.keys()
        new = {"cases", "tests", "metrics"}
        assert ours.model_dump(exclude=new) == before[run.id].model_dump(exclude=new)
    assert networks == {p: p.stat().st_mtime_ns for p in store.root.glob("work/*/network.pt")}
    assert rescore(store.root, ADDED).changed == []


def test_old_records_become_those_of_today_and_damaged_ones_are_named(small, tmp_path):
    """A record of schema 3 has no checksum; one whose digit has changed is left as it is."""
    runs, store = finished(small, tmp_path / "r", 'metrics = ["dice"]')
    old, damaged, *_ = (store.record_path(run.id) for run in runs if run.is_scored)
    document = json.loads(old.read_text())
    del document[KEY]
    old.write_text(json.dumps(document | {"schema": 3}))
    before = store.read(old.stem)
    text = damaged.read_text().replace('"dice":[0', '"dice":[1', 1)
    assert text != damaged.read_text()
    damaged.write_text(text)
    done = rescore(store.root, ["cldice"])
    assert list(done.problems) == [damaged.name]
    assert "another checksum" in done.problems[damaged.name]
    assert damaged.read_text() == text
    assert before.spec.label in done.changed
    document = json.loads(old.read_text())
    assert (document["schema"], document["id"]) == (4, old.stem)
    assert KEY in document
    assert store.read(old.stem).cases["dice"] == before.cases["dice"]


def test_what_cannot_be_scored_is_named(small, tmp_path):
    """Without answers, with masks alone, and by an unknown name; records stay as they are."""
    runs, store = finished(small, tmp_path / "r", 'metrics = ["dice"]')
    scored = [run for run in runs if run.is_scored]
    store.answers(scored[0].id).unlink()
    before = {run.id: store.record_path(run.id).read_bytes() for run in runs}
    done = rescore(store.root, ["mse"])
    assert "kept no answers" in done.problems[scored[0].label]
    assert all("masks alone" in done.problems[run.label] for run in scored[1:])
    assert before == {run.id: store.record_path(run.id).read_bytes() for run in runs}
    with pytest.raises(UserError, match="unknown metric 'cldise'; did you mean 'cldice'"):
        rescore(store.root, ["cldise"])


def test_a_run_keeps_no_answers_where_the_suite_says_so(small, tmp_path):
    """And its record says it."""
    runs, store = finished(small, tmp_path / "r", 'metrics = ["dice"]\nkeep_answers = false')
    for run in runs:
        if run.is_scored:
            said = store.read(run.id).answers
            assert said == "not kept: the suite says keep_answers = false"
            assert not store.answers(run.id).exists()


def test_answers_come_back_as_they_were(tmp_path, monkeypatch):
    """Masks by the bit, probabilities to the last one; too large ones are not written."""
    rng = np.random.default_rng(0)
    p = rng.random((3, 2, 5, 7), dtype=np.float32)
    path = tmp_path / "answers.npz"
    kept = {
        "test": answers.Answer(("a", "b", "ü"), p, masks_only=False),
        "more/noise": answers.Answer(("c", "d", "e"), p[::-1], masks_only=True),
    }
    assert answers.keep(path, kept) == ""
    found = answers.read(path)
    assert found["test"].cases == ("a", "b", "ü")
    np.testing.assert_array_equal(found["test"].probabilities, p)
    np.testing.assert_array_equal(found["more/noise"].probabilities, p[::-1] >= 0.5)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="damaged"):
        answers.read(path)
    path.unlink()
    monkeypatch.setattr(answers, "LIMIT_MIB", 0.0001)
    assert "more than the" in answers.keep(path, kept)
    assert not list(tmp_path.iterdir())


def test_metrics_are_no_part_of_what_a_run_is(small):
    """Neither in its identity nor in what a record says of it; unknown ones are refused."""
    plain = plan(load_suite(str(small)))
    small.write_text('metrics = ["voi"]\nkeep_answers = false\n' + small.read_text())
    asked = plan(load_suite(str(small)))
    assert [run.id for run in plain] == [run.id for run in asked]
    assert [run.recorded() for run in plain] == [run.recorded() for run in asked]
    for name, words in {
        "cldise": "did you mean 'cldice'",
        "betti_error_2": "not defined in 2D",
    }.items():
        small.write_text(small.read_text().replace('["voi"]', f'["{name}"]'))
        with pytest.raises(UserError, match=words):
            plan(load_suite(str(small)))
        small.write_text(small.read_text().replace(f'["{name}"]', '["voi"]'))
