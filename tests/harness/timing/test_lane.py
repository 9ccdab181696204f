"""The timing lane: what is measured, in which order, and what is kept of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.records.editing import edited
from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.job import supervise
from topoeval.harness.runs.supervisor import Ending
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.suite import Limits, Timing
from topoeval.harness.timing import lane as lane_module
from topoeval.harness.timing.lane import Lane, first_seeds, summarise
from topoeval.harness.timing.timed import repeat
from topoeval.records.record import Record
from topoeval.report.timing import read_timings, timing_tables

SUITE = """
schema = 1
name = "lane"
title = "Lane"
seeds = [3, 4]
methods = [
  "cross_entropy", "betti_prior", "topoloss", "betti_prior_semi", "betti_prior_post", "morphology",
]
network = { channels = [4, 8] }
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1, batch_size = 8 } }
training = { epochs = 1, batch_size = 8, unlabelled_batch_size = 4 }

[[dataset]]
name = "strokes"
sizes = { train = 20, unlabelled = 8, test = 6 }
"""
SETTINGS = Timing(rounds=2, steps=3, warmup=1)


@pytest.fixture(autouse=True)
def own_lock(monkeypatch, tmp_path):
    """Leave the machine's lock to whoever measures on it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def runs(tmp_path):
    """The plan of the tiny suite."""
    path = tmp_path / "lane.toml"
    path.write_text(SUITE)
    return plan(load_suite(str(path)))


def of(runs, name):
    """Return the run of a method with the first seed."""
    return next(run for run in first_seeds(runs) if run.method.name == name)


@pytest.mark.parametrize(
    ("name", "parts", "images", "prepared"),
    [
        ("cross_entropy", {"network", "loss", "backward", "other"}, 8, 0),
        ("betti_prior", {"network", "persistence", "loss", "backward", "other"}, 8, 0),
        ("topoloss", {"network", "persistence", "loss", "backward", "other"}, 8, 16),
        ("betti_prior_semi", {"network", "persistence", "loss", "backward", "other"}, 8, 0),
        ("betti_prior_post", {"network", "persistence", "loss", "backward", "other"}, 6, 0),
        ("morphology", {"loss"}, 6, 0),
    ],
)
def test_a_repetition_takes_the_steps_of_the_run_apart(runs, name, parts, images, prepared):
    """Every regime; a loss that a schedule would leave out for long is there at once."""
    answer = repeat(of(runs, name), 4, None)
    assert len(answer["laps"]) == 4
    for lap in answer["laps"]:
        assert set(lap) == parts
        assert all(seconds > 0 for seconds in lap.values())
    assert (answer["images"], answer["prepared"], answer["shape"]) == (
        images,
        prepared,
        [1, 28, 28],
    )
    assert sum(sum(lap.values()) for lap in answer["laps"]) <= answer["wall_s"]
    assert answer["cpu_s"] > 0
    assert answer["peak_rss_bytes"] >= answer["rss_before_bytes"] > 2**20


@pytest.mark.parametrize("views", [{"flips": True}, {"shifts": True}])
def test_post_processing_of_views_is_not_timed(runs, views):
    """Each view is an image of its own: a step of them is one of the method without views."""
    run = of(runs, "betti_prior_post")
    viewed = run.model_copy(update={"method": run.method.model_copy(update=views)})
    with pytest.raises(UserError, match="without flips and shifts; time that"):
        repeat(viewed, 2, None)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Measure in no time: children that answer at once, in a log; nothing is trained."""
    asked = []

    def trained(runs, store, *others):
        for run in runs:
            store.work(run.id).mkdir(parents=True, exist_ok=True)
            store.network(run.id).touch()

    monkeypatch.setattr(lane_module, "sweep", trained)
    monkeypatch.setattr(lane_module, "check_quiet", lambda: 0.1)
    monkeypatch.setattr(lane_module, "busy_cores", lambda: 1.7)

    def supervised(command, work, outcome_file, limits, *, variables):
        told = json.loads(Path(command[-1]).read_text())
        name = told["spec"]["method"]["name"]
        asked.append(name)
        if name == "topoloss":
            (work / "log.txt").write_text("RuntimeError: too long")
            return Ending("exit", code=1), []
        laps = [{"loss": 0.5, "network": 1.0}] + [
            {"loss": 0.001 * k, "network": 0.002} for k in range(1, told["steps"])
        ]
        outcome = {
            "status": "ok", "images": 8, "shape": [1, 28, 28], "laps": laps, "prepared": 4,
            "wall_s": 2.0, "cpu_s": 1.9 if len(asked) % 2 else 1.96, "prepare_s": 0.02,
            "rss_before_bytes": 10, "peak_rss_bytes": 200 * 2**20 + len(asked),
        }  # fmt: skip
        outcome_file.write_text(json.dumps(outcome))
        return Ending("exit"), []

    monkeypatch.setattr(lane_module, "supervise", supervised)
    return asked


def make(tmp_path, **options):
    """Return a lane in a folder of its own."""
    return Lane(tmp_path / "timing", "lane", SETTINGS, Limits(), **options)


def test_rounds_go_over_all_methods_in_changing_order(runs, fake, tmp_path):
    """One seed of each; a method that failed is a row and is not asked again."""
    records = make(tmp_path).measure(runs)
    names = [run.method.name for run in first_seeds(runs)]
    assert len(names) == 6
    first, second = fake[:6], fake[6:]
    assert sorted(first) == sorted(names)
    assert sorted(second) == sorted(set(names) - {"topoloss"})
    assert [name for name in first if name != "topoloss"] != second
    by_name = {record["spec"]["method"]["name"]: record for record in records}
    assert by_name["topoloss"]["status"] == "crashed"
    assert by_name["topoloss"]["error"].endswith("RuntimeError: too long")
    positions = [one["position"] for one in by_name["betti_prior"]["rounds"]]
    assert positions == [first.index("betti_prior"), _place(runs, 1, "betti_prior")]
    assert {record["spec"]["seed"] for record in records} == {3}


def _place(runs, turn, name):
    import random

    order = [run.method.name for run in first_seeds(runs)]
    random.Random(turn).shuffle(order)
    return order.index(name)


def test_what_is_measured_is_kept_and_an_interrupted_lane_goes_on(runs, fake, tmp_path):
    """The same command again asks nobody; --again asks all."""
    lane = make(tmp_path)
    first = {record["id"]: record for record in lane.measure(runs)}
    asked = len(fake)
    assert {record["id"] for record in lane.measure(runs)} == set(first)
    assert len(fake) == asked
    path = lane.folder / f"{next(i for i in first if first[i]['status'] == 'ok')}.json"
    with edited(path) as record:
        record["rounds"] = record["rounds"][:1]  # as if it had been ended in the second round
    lane.measure(runs)
    assert len(fake) == asked + 1
    assert len(json.loads(path.read_text())["rounds"]) == 2
    content = path.read_text()  # a digit that has changed: measured anew
    assert '"images":8' in content
    path.write_text(content.replace('"images":8', '"images":9', 1))
    lane.measure(runs)
    assert len(fake) == asked + 3
    assert path.with_name(f"{path.name}.damaged").is_file()
    lane.measure(runs, again=True)
    assert len(fake) == 2 * asked + 3


def test_a_method_without_its_start_is_a_row(runs, fake, tmp_path, monkeypatch):
    """It says so, and the others are measured."""

    def failed(runs, store, *others):
        for run in runs:
            if run.method.role == "start":
                store.work(run.id).mkdir(parents=True)
                store.network(run.id).touch()
            else:
                store.write(Record.of(run, "lane", datetime.now(UTC), {"status": "diverged"}))

    monkeypatch.setattr(lane_module, "sweep", failed)
    by_name = {r["spec"]["method"]["name"]: r for r in make(tmp_path).measure(runs)}
    assert by_name["betti_prior_post"]["error"] == "what it starts from ended as 'diverged'"
    assert by_name["betti_prior"]["status"] == "ok"
    assert "betti_prior_post" not in fake


def test_another_machine_or_other_code_is_another_record(runs, fake, tmp_path, monkeypatch):
    """And its times stand in another table."""
    lane = make(tmp_path)
    here = lane.measure(runs)
    prints = lane_module.fingerprint("cpu", 1, "native")
    other = {**prints, "machine": {**prints["machine"], "cpu": "Another CPU"}}
    monkeypatch.setattr(lane_module, "fingerprint", lambda *asked: other)
    there = lane.measure(runs)
    assert not {record["id"] for record in here} & {record["id"] for record in there}
    page = timing_tables(read_timings(lane.folder))
    assert page.count("\n## ") == 2
    assert page.count("\n| Betti prior, supervised |") == 2
    assert page.index("## Another CPU, ") != -1


def test_a_busy_machine_is_refused_or_told(runs, fake, tmp_path, monkeypatch):
    """The record and the table say that others were at work."""

    def refuse():
        raise UserError("1.7 of 2 cores are busy")

    monkeypatch.setattr(lane_module, "check_quiet", refuse)
    with pytest.raises(UserError, match="are busy"):
        make(tmp_path).measure(runs)
    assert fake == []
    records = make(tmp_path, busy=True).measure(runs)
    assert all(record["busy"] for record in records)
    assert "up to 1.7 cores were busy" in timing_tables(records)


def test_the_summary_is_of_what_counts():
    """The cold step and the steady ones apart, the warm-up nowhere."""
    laps = [
        {"loss": 9.0},
        {"loss": 5.0},
        {"loss": 1.0, "network": 1.0},
        {"loss": 2.0},
        {"loss": 3.0},
    ]
    one = {"laps": laps, "images": 4, "prepared": 10, "prepare_s": 0.5, "peak_rss_bytes": 7}
    other = {**one, "laps": [{"loss": 7.0}, *laps[1:]], "peak_rss_bytes": 9}
    told = summarise({"rounds": [one, other], "settings": {"warmup": 2}})
    assert told["cold_s"] == {"q1": 7.5, "median": 8.0, "q3": 8.5}
    assert told["steady_s"] == {"q1": 2.0, "median": 2.0, "q3": 2.75}
    assert told["parts_s"] == {"loss": 2.0, "network": 0.0}
    assert (told["prepare_s_per_image"], told["peak_rss_bytes"]) == (0.05, 9)


def test_tables_have_the_times_and_what_they_were_taken_on(runs, fake, tmp_path):
    """Sorted by time, in milliseconds; what was not measured is named with its reason."""
    make(tmp_path).measure(runs)
    page = timing_tables(read_timings(tmp_path / "timing"))
    row = next(line for line in page.splitlines() if line.startswith("| Betti prior, supervised"))
    assert row.split(" | ")[1:] == ["8", "4", "3.25 to 4.75", "2", "2", "1500", "5", "200 |"]
    assert "Images of 28x28, unet 4-8; T-construction" in page
    assert "- TopoLoss on strokes: crashed: RuntimeError: too long" in page
    assert "2 rounds over all methods in shuffled order" in page
    assert "at work for 95% to 98% of the time by the clock" in page
    with pytest.raises(UserError, match="topoeval time SUITE makes them"):
        read_timings(tmp_path / "nowhere")


def test_backends_under_one_loss_share_a_table(fake, tmp_path):
    """Also torch, which as a backend is the torch that the others' networks use."""
    path = tmp_path / "backends.toml"
    path.write_text(SUITE.replace("[[dataset]]", 'backend = ["native", "torch"]\n\n[[dataset]]'))
    make(tmp_path).measure(
        [r for r in plan(load_suite(str(path))) if r.method.name in ("start", "betti_prior")]
    )
    page = timing_tables(read_timings(tmp_path / "timing"))
    assert page.count("## ") - page.count("### ") == 1
    assert "[backend=torch]" in page


def test_the_lane_from_the_start_to_the_record(runs, tmp_path, monkeypatch):
    """Real processes: the common start is trained apart, one method is timed from it, alone."""
    monkeypatch.setattr(lane_module, "check_quiet", lambda: 0.0)
    wanted = of(runs, "betti_prior")
    start = next(run for run in runs if run.id == wanted.parents["start"])
    lane = Lane(tmp_path / "timing", "lane", Timing(rounds=1, steps=2, warmup=1), Limits())
    (record,) = lane.measure([start, wanted])
    assert record["status"] == "ok", record["error"]
    (one,) = record["rounds"]
    assert len(one["laps"]) == 3
    assert all(lap["persistence"] > 0 for lap in one["laps"])
    assert len(one["cores"]) == 1
    assert record["run"] == wanted.id
    assert (lane.folder / "work" / "starts" / "work" / start.id / "network.pt").exists()
    written = json.loads((lane.folder / f"{record['id']}.json").read_text())
    assert written["summary"]["steady_s"]["median"] > 0
    assert not (tmp_path / "records").exists()


GREEDY = (
    "import time; held = bytearray(600 * 2**20); print('holds it', flush=True); time.sleep(600)"
)
SLEEPY = "import time; print('sleeps', flush=True); time.sleep(600)"


@pytest.mark.parametrize(
    ("program", "limits", "status", "words"),
    [
        (GREEDY, Limits(memory_gib=0.3), "out_of_memory", "ended beyond 0.3 GiB"),
        (SLEEPY, Limits(timeout_s=1), "timeout", "ended after 1 s\nsleeps"),
        (
            "print('no'); raise SystemExit(3)",
            Limits(),
            "crashed",
            "exit code 3 without a record\nno",
        ),
    ],
    ids=["memory", "time", "crash"],
)
def test_the_limits_of_runs_hold(runs, fake, tmp_path, monkeypatch, program, limits, status, words):
    """A repetition that takes too much is ended from outside, and its method is a row."""
    monkeypatch.setattr(lane_module, "supervise", supervise)
    worker = (sys.executable, "-c", program)
    lane = Lane(tmp_path / "timing", "lane", SETTINGS, limits, worker=worker)
    (record,) = lane.measure([r for r in runs if r.method.name in ("start", "betti_prior")])
    assert (record["status"], record["rounds"]) == (status, [])
    assert words in record["error"]


LANE = """
import sys
from pathlib import Path
from topoeval.harness.plans.plan import plan
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.suite import Limits, Timing
from topoeval.harness.timing import lane
def sweep(runs, store, *others):
    for run in runs:
        store.work(run.id).mkdir(parents=True)
        store.network(run.id).touch()
lane.sweep = sweep
lane.check_quiet = lambda: 0.0
folder, suite, program = sys.argv[1:]
worker = (sys.executable, "-c", program, folder)
asked = lane.Lane(Path(folder), "lane", Timing(rounds=1), Limits(), worker=worker)
methods = ("start", "betti_prior")
asked.measure([run for run in plan(load_suite(suite)) if run.method.name in methods])
"""


def test_a_killed_lane_leaves_no_process(runs, tmp_path, wait_until_alone):
    """Kill -9 of the lane: five seconds later its repetition and the supervisor are gone."""
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", LANE, str(folder), str(tmp_path / "lane.toml"), SLEEPY]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)})
    log = folder / "work" / "repetition" / "log.txt"
    deadline = time.monotonic() + 120
    while not (log.exists() and "sleeps" in log.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until_alone(folder, patience_s=5)
