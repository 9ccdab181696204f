"""What `topoeval plan` tells: what is done, what cannot run and why, how long the rest takes."""

from datetime import UTC, datetime

import pytest

from topoeval import UserError
from topoeval.harness.plans.estimate import Experience
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles, preflight
from topoeval.harness.plans.survey import survey
from topoeval.harness.runs.environment import machine_kind
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters
from topoeval.records.files import write_record
from topoeval.records.record import Record

SUITE = """
schema = 1
name = "survey"
title = "Survey"
seeds = [0, 1, 2]
methods = ["cross_entropy", "betti_prior", "topograph", "largest_component"]
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 4, batch_size = 4 } }
training = { epochs = 2, batch_size = 4 }

[[dataset]]
name = "strokes"
sizes = { train = 8, test = 4 }
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Return the suite with more text at its end and pieces of it replaced."""
    monkeypatch.delenv("TOPOEVAL_DATA", raising=False)

    def make(more="", *replacements):
        text = SUITE + more
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "survey.toml"
        path.write_text(text)
        return load_suite(str(path))

    return make


def write(folder, run, wall, *, status="ok", kind=None, steps=4, step=0.5, **more):
    """Write what a record says about time and machine."""
    cpu, cores, gpu = kind or machine_kind("cpu")
    outcome = {
        "status": status,
        "cases": {"case": ["a"]},
        "environment": {"cpu": cpu, "cores": cores, "gpu": gpu},
        "timing": {"wall_s": wall, "steps": steps, "per_step_s": {"loss": step}},
        **more,
    }
    record = Record.of(run, "survey", datetime.now(UTC), outcome)
    write_record(folder / f"{run.id}.json", record)


def of(prospects, method, seed=0):
    """Return the prospect of a method and seed."""
    (one,) = [p for p in prospects if (p.run.method.name, p.run.seed) == (method, seed)]
    return one


def test_reasons_are_those_of_the_machinery(suite):
    """What is missing, per run; what builds on it cannot run either, the rest can."""
    volumes = '[[dataset]]\nname = "vessels"\nsizes = { train = 2, test = 1 }\n'
    real = '[[dataset]]\nname = "drive"\n'
    absent = {}
    runs = plan(suite(volumes + real, ("seeds = [0, 1, 2]", "seeds = [0]")), absent=absent)
    reasons = obstacles(runs, absent=absent)
    said = {(r.dataset.name, r.method.name): reasons.get(r.id) for r in runs}
    assert {name for name in said if said[name] is None} == {
        ("strokes", name) for name in
        ("start", "cross_entropy", "betti_prior", "topograph", "largest_component")
    } | {("vessels", name) for name in
         ("start", "cross_entropy", "betti_prior", "largest_component")}  # fmt: skip
    assert (
        "loss 'topograph' takes 2D images, dataset 'vessels' is 3D" in said["vessels", "topograph"]
    )
    assert {said["drive", name] for name in ("start", "betti_prior")} == {absent["drive"]}
    assert "TOPOEVAL_DATA" in absent["drive"]


def test_a_backend_and_a_device_that_are_not_here_are_reasons(suite, monkeypatch):
    """Only for what needs them; the first stops a sweep with that line."""
    import topoeval.persistence.backends as backends

    monkeypatch.setitem(backends.BACKENDS._requires, "cripser", ("a_module_that_is_not_there",))
    more = suite("", ('name = "survey"', 'name = "survey"\nbackend = ["native", "cripser"]'))
    runs = plan(more)
    reasons = obstacles(runs)
    refused = {(r.method.name, r.backend) for r in runs if r.id in reasons}
    assert refused == {("betti_prior", "cripser")}
    assert set(reasons.values()) == {
        "backend 'cripser' is not installed; pip install \"topoeval[cripser]\""
    }
    with pytest.raises(UserError, match="backend 'cripser' is not installed"):
        preflight(more, runs)
    preflight(more, [run for run in runs if run.id not in reasons])

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    both = plan(suite("", ('name = "survey"', 'name = "survey"\ndevice = ["cpu", "cuda"]')))
    reasons = obstacles(both)
    assert {r.device for r in both if r.id in reasons} == {"cuda"}
    assert len([r for r in both if r.device == "cuda"]) == len(reasons) == len(both) / 2
    assert "finds no GPU" in next(iter(reasons.values()))


def test_a_missing_prior_or_missing_unlabelled_images_are_reasons(suite, tmp_path):
    """Found in the card or the first sample."""
    import numpy as np

    for place in ("images", "labels"):
        (tmp_path / place).mkdir()
        for k in range(4):
            np.save(tmp_path / place / f"{k}.npy", np.eye(16, dtype=np.uint8) * 255)
    own = f'[[dataset]]\nname = "folder"\nparams = {{ images = "{tmp_path}/images", ' \
          f'labels = "{tmp_path}/labels", labelled = 1.0 }}\n'  # fmt: skip
    added = ('"topograph"', '"betti_prior_post", "betti_prior_semi"')
    runs = plan(suite(own, added, ("seeds = [0, 1, 2]", "seeds = [0]")))
    reasons = obstacles(runs)
    said = {r.method.name: reasons[r.id] for r in runs if r.id in reasons}
    assert set(said) == {"betti_prior", "betti_prior_post", "betti_prior_semi"}
    assert "needs a Betti prior" in said["betti_prior"]
    assert "needs a Betti prior" in said["betti_prior_post"]


def test_what_is_done_failed_and_left(suite, tmp_path):
    """A finished run whose network is gone runs again if another one builds on it."""
    wanted = suite()
    store = Store(tmp_path / "results", "survey")
    by_name = {(run.method.name, run.seed): run for run in plan(wanted)}
    write(store.records, by_name["start", 0], 1.0)
    write(store.records, by_name["cross_entropy", 0], 1.0)
    write(store.records, by_name["betti_prior", 0], 1.0, status="timeout")
    write(store.records, by_name["start", 1], 1.0)
    store.work(by_name["start", 1].id).mkdir(parents=True)
    store.network(by_name["start", 1].id).touch()
    told = survey(wanted, store, Filters())
    assert [one.run for one in told] == plan(wanted)
    states = {name: of(told, *name).state for name in by_name}
    # topograph of seed 0 builds on the start, largest_component on cross_entropy
    assert (states["start", 0], states["cross_entropy", 0]) == ("to run", "to run")
    assert of(told, "start", 0).detail == "done, but its network is gone"
    assert (states["start", 1], states["start", 2]) == ("done", "to run")
    assert (states["betti_prior", 0], of(told, "betti_prior").detail) == ("failed", "timeout")
    alone = survey(wanted, store, Filters(methods=["cross_entropy"], seeds=[0]))
    assert {one.state for one in alone} == {"done"}


def test_what_has_a_record_and_cannot_be_done_again_is_told(suite, tmp_path, monkeypatch):
    """The run refuses for it, although it would not run it; one that fell to the machine, too."""
    import topoeval.persistence.backends as backends

    monkeypatch.setitem(backends.BACKENDS._requires, "cripser", ("a_module_that_is_not_there",))
    wanted = suite("", ('name = "survey"', 'name = "survey"\nbackend = "cripser"'))
    store = Store(tmp_path / "results", "survey")
    runs = plan(wanted)
    priors = [run for run in runs if run.method.name == "betti_prior"]
    statuses = ("ok", "timeout", "failed")
    for run, status in zip(priors, statuses, strict=True):
        fault = {"fault": "machine"} if status == "failed" else {}
        write(store.records, run, 1.0, status=status, **fault)
    told = survey(wanted, store, Filters())
    found = [of(told, "betti_prior", run.seed) for run in priors]
    reason = "backend 'cripser' is not installed; pip install \"topoeval[cripser]\""
    assert [(one.state, one.detail) for one in found] == [
        ("done", f"cannot be done here again: {reason}"),
        ("failed", f"timeout; cannot be done here again: {reason}"),
        ("cannot", reason),
    ]
    assert {one.run.id for one in told if one.obstacle} == {run.id for run in priors}
    assert {one.obstacle for one in found} == {reason}
    with pytest.raises(UserError, match="backend 'cripser' is not installed"):
        preflight(wanted, runs)


def test_time_is_that_of_other_seeds_on_the_same_kind_of_machine(suite, tmp_path):
    """The median of those that ended well; a record of another machine tells nothing."""
    runs = {(run.method.name, run.seed): run for run in plan(suite())}
    here, there = tmp_path / "a", tmp_path / "b"
    write(here, runs["topograph", 0], 10.0)
    write(here, runs["topograph", 1], 20.0)
    write(there, runs["topograph", 2], 999.0, kind=("Another CPU", 2, None))
    write(there, runs["betti_prior", 1], 999.0, status="failed")
    known = Experience([here, there, tmp_path / "nowhere"])
    estimate = known.estimate(runs["topograph", 2])
    assert (estimate.seconds, estimate.records, estimate.basis) == (15.0, 2, "same")
    assert known.estimate(runs["betti_prior", 0]) is None


def test_another_length_is_accounted_for(suite, tmp_path):
    """Twice the steps with twice the batch: four times the steps' share, the rest as it was."""
    short = next(r for r in plan(suite()) if r.method.name == "topograph")
    write(tmp_path / "a", short, 10.0, steps=4, step=0.5)  # 2 of them in steps, 8 in the rest
    longer = suite(
        "",
        ("training = { epochs = 2, batch_size = 4 }", "training = { epochs = 8, batch_size = 8 }"),
    )
    run = next(r for r in plan(longer) if r.method.name == "topograph")
    estimate = Experience([tmp_path / "a"]).estimate(run)  # 8 images: a step an epoch
    assert (estimate.seconds, estimate.basis) == (8 + 8 * 0.5 * 2, "like")


def test_views_of_post_processed_images_are_counted(suite, tmp_path):
    """4 images, each step one view: 3 steps of 4 images, and of 4, 5 and 20 views of them."""
    said = ["", "[flips=true]", "[shifts=true]", "[flips=true, shifts=true]"]
    methods = ", ".join(f'"betti_prior_post{one}"' for one in said)
    more = "\n[override.betti_prior_post.adaptation]\ncopies = 1\nsteps = 3\n"
    runs = {run.method.label: run for run in plan(suite(more, ('"largest_component"', methods)))}
    # 6 of the 10 seconds in steps, 4 in the rest
    write(tmp_path / "a", runs["betti_prior_post"], 10.0, steps=12, step=0.5)
    known = Experience([tmp_path / "a"])
    seconds = [known.estimate(runs[f"betti_prior_post{one}"]).seconds for one in said]
    assert seconds == [10.0, 4 + 4 * 6, 4 + 5 * 6, 4 + 20 * 6]


def test_a_damaged_record_is_named_and_to_run(suite, tmp_path):
    """The other runs have their prospects, and their records their say about time."""
    wanted = suite()
    store = Store(tmp_path / "results", "survey")
    done, damaged, *_ = [run for run in plan(wanted) if run.method.name == "start"]
    write(store.records, done, 3.0)
    store.record_path(damaged.id).write_text("{")
    prospects = {one.run.id: one for one in survey(wanted, store, Filters())}
    prospect = prospects[damaged.id]
    assert prospect.state == "to run"
    assert f"{damaged.id}.json is set aside: it is not whole JSON" in prospect.detail
    assert prospect.estimate.seconds == 3.0
