"""Code that changes: new records beside the old ones, which are told and never averaged with."""

import pytest

from topoeval import plugins
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.survey import survey
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters, matched
from topoeval.harness.suites.suite import Limits
from topoeval.losses import LOSSES
from topoeval.registry import Source
from topoeval.report.caption import caption_lines
from topoeval.report.summary import summarise
from topoeval.results import load
from topoeval.results.records import read

LOSS = """
from topoeval.losses import LOSSES, LossInfo, TargetLoss


@LOSSES.register("squares")
class Squares(TargetLoss):
    info = LossInfo(
        name="squares", title="Squares", ndims=(2, 3), needs_target=True, needs_prior=False,
        multiclass="channels one by one", cost="cheap", citation="none",
    )

    def parts(self, probabilities, target, prepared=None):
        return {"squares": FACTOR * ((probabilities - target) ** 2).flatten(2).mean(-1)}
"""
METHOD = """
name = "mine"
title = "Mine"
regime = "supervised"
losses = [{ name = "squares" }]
"""
SUITE = """
schema = 1
name = "changing"
title = "Changing"
seeds = SEEDS
methods = ["cross_entropy", "./mine"]
plugins = ["./squares.py"]
metrics = ["dice", "betti_error"]
network = { name = "unet", channels = [4, 8] }
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1, batch_size = 8 } }
training = { epochs = 1, batch_size = 8 }

[[dataset]]
name = "strokes"
sizes = { train = 8, test = 4 }
"""
LIMITS = Limits(timeout_s=120)


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results" / "changing", "changing")


@pytest.fixture
def planned(tmp_path):
    """Write the loss and the suite anew and plan it; at the end the loss is forgotten."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "method.toml").write_text(METHOD)

    def make(factor, seeds):
        (tmp_path / "squares.py").write_text(LOSS.replace("FACTOR", factor))
        (tmp_path / "changing.toml").write_text(SUITE.replace("SEEDS", seeds))
        return load_suite(str(tmp_path / "changing.toml"))

    yield make
    for plugin in list(plugins.loaded()):
        plugins.forget(plugin.place)


def of(runs, name):
    """The runs of a method by seed."""
    return {run.seed: run for run in runs if run.method.name == name}


def test_a_changed_file_makes_new_records_beside_the_old(planned, store):
    """They are told by plan and report, left alone, and in no mean with the new ones."""
    first = plan(planned("1.0", "[0, 1]"))
    assert sweep(first, store, Inline(), LIMITS).failed == []
    old = of(first, "mine")
    assert old[0].code.keys() == {"loss squares"}
    assert of(first, "cross_entropy")[0].code == {}

    suite = planned("2.0", "[0, 1, 2]")
    told = {one.run.id: one for one in survey(suite, store, Filters())}
    second = plan(suite)
    new = of(second, "mine")
    assert not {run.id for run in old.values()} & {run.id for run in new.values()}
    assert told[new[0].id].state == "to run"
    assert f"has a record of the old code, loss squares ({old[0].code['loss squares']})" in (
        told[new[0].id].detail
    )
    # the same code is the same run
    assert told[of(second, "cross_entropy")[0].id].state == "done"

    some = [run for run in second if run.seed in (1, 2)]
    before = {path.name: path.read_bytes() for path in store.records.iterdir()}
    tally = sweep(some, store, Inline(), LIMITS)
    assert (tally.ran, tally.kept) == (4, 2)
    assert before.items() <= {p.name: p.read_bytes() for p in store.records.iterdir()}.items()

    records = read(store.records)
    mine = records.runs[records.runs["method"] == "mine"]
    # seed 0 is of the old code alone, and is not averaged with the new seeds
    assert set(mine["id"]) == {new[1].id, new[2].id}
    assert set(records.old["id"]) == {old[0].id, old[1].id}
    assert set(records.cases["id"]) == set(records.runs["id"])
    lines = " ".join(caption_lines(summarise(records)))
    assert "Of the old code, not in this table: Mine on strokes, 2 seeds, made by loss squares" in (
        lines
    )
    arms = load(store.root).cases.groupby("arm", observed=True)["id"].unique()
    assert {frozenset(ids) for arm, ids in arms.items() if arm.startswith("Mine")} == {
        frozenset({new[1].id, new[2].id}),
        frozenset({old[0].id, old[1].id}),
    }
    scores = load(store.root).scores("dice")
    assert set(scores.loc[scores["method"] == "Mine", "seed"]) == {1, 2}


def test_a_raised_version_of_a_package_is_other_code(planned, monkeypatch):
    """So is a raised revision of a card; topoeval's own first revisions are not named."""
    suite = planned("1.0", "[0]")
    by_file = of(plan(suite), "mine")[0]
    ids = {by_file.id}
    for version in ("1.0", "1.1"):
        source = Source("distribution", "my-losses", version=version)
        with monkeypatch.context() as patch:
            patch.setitem(LOSSES._registered, "squares", (LOSSES.load("squares"), source))
            run = of(plan(suite), "mine")[0]
        assert run.code == {"loss squares": f"my-losses {version}"}
        ids.add(run.id)
    assert len(ids) == 3
    plain = of(plan(suite), "cross_entropy")[0]
    raised = type("Raised", (LOSSES.load("cross_entropy"),), {})
    raised.info = type(raised.info)(
        **{name: getattr(raised.info, name) for name in raised.info.__slots__} | {"revision": 2}
    )
    load_as_it_was = LOSSES.load
    monkeypatch.setattr(
        LOSSES, "load", lambda name: raised if name == "cross_entropy" else load_as_it_was(name)
    )
    assert of(plan(suite), "cross_entropy")[0].code == {"loss cross_entropy": "revision 2"}
    assert of(plan(suite), "cross_entropy")[0].id != plain.id


def test_again_runs_anew_what_the_filters_pass(planned, store):
    """And what it builds on stays."""
    suite = planned("1.0", "[0]")
    runs = plan(suite)
    sweep(runs, store, Inline(), LIMITS)
    kept = of(runs, "start")[0], of(runs, "cross_entropy")[0]
    before = [store.record_path(run.id).stat().st_mtime_ns for run in kept]
    tally = sweep(runs, store, Inline(), LIMITS, anew=matched(runs, Filters(methods=("mine",))))
    assert (tally.ran, tally.kept) == (1, 2)
    assert [store.record_path(run.id).stat().st_mtime_ns for run in kept] == before


def test_pictures_are_of_the_first_seed(planned, store):
    """Those of a second seed would show the same images, and are most of a record."""
    runs = plan(planned("1.0", "[3, 1]"))
    sweep(runs, store, Inline(), LIMITS)
    for run in runs:
        assert bool(store.read(run.id).examples) == (run.seed == 3)
