"""Several tests of one network: each scored by itself, by the network of the main one."""

import json
from dataclasses import fields

import pytest

from topoeval import UserError, datasets
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import preflight
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite
from topoeval.metrics import Settings, score_cases
from topoeval.networks.unets import unet
from topoeval.records.canonical import canonical_json
from topoeval.records.parts import AugmentationSpec
from topoeval.topology import Topology
from topoeval.training import TensorSet, checkpoint, predict
from topoeval.training.augment import Augmentation

TESTS = """
[dataset.tests]
noisy = { split = "shifted", size = 4 }
crossed = { split = "test", size = 3, params = { lines = 2 } }
"""


def with_tests(suite_file, text=TESTS):
    """The tiny suite with further tests."""
    suite_file.write_text(suite_file.read_text() + text)
    return load_suite(str(suite_file))


def finished(suite, folder):
    """Run a suite; return its runs by method, and where their records are."""
    runs = plan(suite)
    preflight(suite, runs)
    store = Store(folder, suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    return {run.method.name: run for run in runs}, store


def test_further_tests_stand_beside_the_main_one_and_change_nothing_in_it(suite_file, tmp_path):
    """For every method: trained, adapted to each image, or corrected."""
    before, alone = finished(load_suite(str(suite_file)), tmp_path / "alone")
    after, store = finished(with_tests(suite_file), tmp_path / "all")
    assert before.keys() == after.keys()
    for name, run in after.items():
        record, single = store.read(run.id), alone.read(before[name].id)
        if name == "judge":
            assert run.id == before[name].id
            continue
        assert record.cases["case"] == single.cases["case"]
        assert record.cases["dice"] == pytest.approx(single.cases["dice"], abs=1e-3)
        assert "tests" not in single
        assert record.tests.keys() == {"noisy", "crossed"}
        assert len(record.tests["noisy"].cases["dice"]) == 4
        crossed = record.tests["crossed"].cases
        assert crossed["case"] == record.cases["case"][:3]
        assert crossed["b1_true"] == record.cases["b1_true"][:3]
        assert crossed["dice"] != record.cases["dice"][:3]


def test_a_further_test_is_scored_by_the_network_of_the_run(suite_file, tmp_path):
    """Its columns are those of the stored weights on that split."""
    runs, store = finished(with_tests(suite_file), tmp_path)
    run = runs["cross_entropy"]
    network = unet(channels=(4, 8), norm=None)
    network.load_state_dict(checkpoint.load(store.network(run.id), "cpu"))
    held = TensorSet.from_samples(list(datasets.load("strokes", "shifted", 4)))
    expected = score_cases(
        predict(network, held.images).numpy(),
        held.targets.numpy(),
        Settings(Topology.parse(run.topology)),
        ["dice", "mse", "betti_error", "b0", "matches_truth", "matches_prior"],
        priors=held.priors.numpy(),
    )
    found = store.read(run.id).tests["noisy"].cases
    for column, values in expected.items():
        assert found[column] == pytest.approx(values.tolist(), rel=1e-5)


def test_what_is_not_asked_for_is_not_in_an_identity(suite_file):
    """Neither further tests nor augmentation; a run that trains nothing has none of the latter."""
    plain = {run.method.name: run for run in plan(load_suite(str(suite_file)))}
    for run in plain.values():
        asked = json.loads(canonical_json(run))
        assert "augmentation" not in asked
        assert "tests" not in asked["dataset"]
    varied = {
        run.method.name: run for run in plan(with_tests(suite_file, "\n[augmentation]\nflip = 0\n"))
    }
    for name, run in varied.items():
        trains = name not in ("betti_prior_post", "largest_component", "judge")
        assert (run.augmentation is not None) == trains
        # of the others, because their parents are
        assert (run.id == plain[name].id) == (name == "judge")


def test_the_augmentation_of_a_suite_is_that_of_the_training():
    """One list of settings with one set of defaults."""
    assert AugmentationSpec().model_dump() == {
        field.name: field.default for field in fields(Augmentation)
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("test = { split = 'test' }", "'test' is the name of the split that is always scored"),
        ("odd = { split = 'train' }", r"tests.odd.split: .*'test', 'shifted' or 'relaxed'"),
        ("odd = { splt = 'test' }", "did you mean 'split'"),
        ("odd = { split = 'relaxed' }", "strokes: no split 'relaxed'"),
        ("odd = { split = 'test', params = { line = 3 } }", "did you mean 'lines'"),
        ("odd = { split = 'test', params = { root = 'x' } }", "'root' depends on the machine"),
    ],
)
def test_a_mistake_in_a_further_test_is_one_line(suite_file, text, words):
    """Found while planning."""
    with pytest.raises(UserError, match=words) as caught:
        plan(with_tests(suite_file, f"\n[dataset.tests]\n{text}\n"))
    assert "\n" not in str(caught.value)
