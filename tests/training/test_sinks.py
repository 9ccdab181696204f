"""Sinks: that the services' own readers find what was logged, and what happens without them."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest
import torch

from topoeval import Topology, UnavailableError, UserError, datasets
from topoeval.networks.unets import unet
from topoeval.training import Schedule, TensorSet, build_term, fit
from topoeval.training.callbacks import JsonLines, Step
from topoeval.training.sinks import SINKS, RunCard, open_sinks


@pytest.fixture(scope="module")
def data():
    """Eight small digits."""
    return TensorSet.from_samples(list(datasets.load("strokes", "train", 8)))


@pytest.fixture
def card(tmp_path):
    """The card of a run."""
    config = {"method.name": "m", "training.epochs": 2, "parents": "{}"}
    return RunCard("0123456789abcdef", "strokes/m/seed0", "tiny", tmp_path / "work", config)


def train(data, callbacks, epochs=2, **more):
    """Train a tiny network; return what its file says of the steps."""
    torch.manual_seed(0)
    term = build_term("cross_entropy", topology=Topology())
    fit(
        unet(channels=(4, 8)),
        [term],
        data,
        schedule=Schedule(epochs, 4),
        callbacks=callbacks,
        **more,
    )


def steps(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["event"] == "step"]


def test_tensorboard_reads_what_was_written(data, card, tmp_path):
    """Every step's terms, total and learning rate; steps that are repeated replace the others."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path, state = tmp_path / "history.jsonl", tmp_path / "state.pt"
    (sink,) = open_sinks(["tensorboard"], card)
    train(data, [JsonLines(path), sink], 1, resume_from=state)
    (sink,) = open_sinks(["tensorboard"], card)
    for number in (3, 4, 5):  # of an epoch that no checkpoint knows of
        sink.on_step(Step(number, 2, {"cross_entropy": 99.0}, 99.0, 1e-3, 0.0))
    sink.on_end()
    (sink,) = open_sinks(["tensorboard"], card)
    train(data, [JsonLines(path), sink], 3, resume_from=state)
    read = EventAccumulator(str(card.folder / "tensorboard")).Reload()
    names = {"terms/cross_entropy", "total", "learning_rate", "seconds"}
    assert set(read.Tags()["scalars"]) == names
    found = read.Scalars("terms/cross_entropy")
    expected = steps(path)
    assert [event.step for event in found] == [step["step"] for step in expected] == [*range(1, 7)]
    for event, step in zip(found, expected, strict=True):
        assert event.value == pytest.approx(step["terms"]["cross_entropy"], rel=1e-6)
        assert event.value < 99
    assert [event.value for event in read.Scalars("learning_rate")] == pytest.approx([1e-3] * 6)


def test_mlflow_reads_what_was_logged(data, card, tmp_path, monkeypatch):
    """One run in the experiment of the suite, with parameters and a history of every metric."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # which it would rather not have
    path, state = tmp_path / "history.jsonl", tmp_path / "state.pt"
    for epochs in (1, 2):
        callbacks = [JsonLines(path), *open_sinks(["mlflow"], card)]
        train(data, callbacks, epochs, resume_from=state)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("tiny")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "strokes/m/seed0"
    assert run.info.status == "FINISHED"
    assert run.data.params["training.epochs"] == "2"
    logged = client.get_metric_history(run.info.run_id, "terms/cross_entropy")
    assert [(m.step, m.value) for m in logged] == [
        (step["step"], step["terms"]["cross_entropy"]) for step in steps(path)
    ]


def log_records(data, header):
    """Yield the records of a log file in LevelDB's format: blocks of 32 KiB, pieces of records."""
    place, pieces = header, []
    while place + 7 <= len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        pieces.append(data[place + 7 : place + 7 + length])
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield b"".join(pieces)
            pieces = []


def test_wandb_logs_without_a_network(data, card, tmp_path, monkeypatch):
    """Offline, into the folder of the run: every step is in the file that is synchronised later."""
    pytest.importorskip("wandb")
    card.folder.mkdir()
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    path = tmp_path / "history.jsonl"
    train(data, [JsonLines(path), *open_sinks(["wandb"], card)])
    from wandb.proto import wandb_internal_pb2

    (file,) = card.folder.rglob("*.wandb")
    found = {}
    for content in log_records(file.read_bytes(), header=7):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        if record.WhichOneof("record_type") == "history":
            items = {i.key or "/".join(i.nested_key): i.value_json for i in record.history.item}
            found[json.loads(items["_step"])] = json.loads(items["terms/cross_entropy"])
    assert found == {s["step"]: pytest.approx(s["terms"]["cross_entropy"]) for s in steps(path)}


def test_an_unknown_or_missing_sink_is_one_line(card, monkeypatch):
    """The nearest name, or what to install."""
    with pytest.raises(UserError, match="unknown sink 'tensorbord'; did you mean 'tensorboard'"):
        open_sinks(["tensorbord"], card)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "wandb" else real(name, *a)
    )
    with pytest.raises(UnavailableError) as caught:
        open_sinks(["wandb"], card)
    assert str(caught.value) == ("sink 'wandb' is not installed; pip install \"topoeval[wandb]\"")


@pytest.mark.parametrize("place", ["__init__", "on_step", "on_epoch", "on_end"])
def test_a_sink_that_fails_does_not_end_the_run(data, card, tmp_path, monkeypatch, capsys, place):
    """It is said in the log, and the training is what it would have been."""

    class Fails:
        def __init__(self, run):
            if place == "__init__":
                raise ConnectionError("no server there")

        def on_step(self, step):
            pass

        on_epoch = on_step

        def on_end(self):
            pass

    def fail(self, *arguments):
        raise ConnectionError("no server there")

    if place != "__init__":
        monkeypatch.setattr(Fails, place, fail)
    monkeypatch.setattr(SINKS, "load", lambda name: Fails)
    path = tmp_path / "history.jsonl"
    train(data, [*open_sinks(["anything"], card), JsonLines(path)])
    assert len(steps(path)) == 4
    errors = capsys.readouterr().err
    assert "ConnectionError: no server there" in errors
    assert len(re.findall("sink 'anything' failed; the run goes on without it", errors)) == 1


def test_training_needs_no_sink():
    """Where none of them can be imported there are trainings all the same."""
    program = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['tensorboard', 'mlflow', 'wandb']))\n"
        "from topoeval.training.sinks import SINKS\n"
        "print(sorted(SINKS))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "['mlflow', 'tensorboard', 'wandb']", done.stderr
