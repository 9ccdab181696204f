"""Files that we write ourselves and read again: how each is written and read."""

import json
import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from topoeval.errors import UserError

SQUARE = np.zeros((9, 8), np.uint8)
SQUARE[2:7, 1:6] = 1
SQUARE[4, 3] = 0


def cached(path):
    from topoeval.datasets.cache import Cache
    from topoeval.datasets.sample import Sample

    cache = Cache(path.parent, "strokes", "1", {})
    sample = Sample(
        case="a", image=np.linspace(0, 1, 36, dtype=np.float32).reshape(1, 6, 6),
        target=SQUARE[None, :6, :6].astype(np.float32), prior=((1, 0),),
        betti={"V": ((1, 0),)}, spacing=None,
    )  # fmt: skip
    cache.write(sample)
    cache._path("a").rename(path)


def read_cached(path):
    from topoeval.datasets.cache import Cache

    cache = Cache(path.parent, "strokes", "1", {})
    path.rename(cache._path("a"))
    found = cache.read("a")
    if found is None:
        raise UserError("counts as absent")
    return found.image.tolist(), found.target.tolist(), str(found.prior), found.spacing


def state(path):
    import torch

    from topoeval.training import checkpoint

    checkpoint.save({"epoch": 2, "network": {"weight": torch.arange(9.0)}}, path)


def read_state(path):
    from topoeval.training import checkpoint

    found = checkpoint.resume(path)
    if found is None:
        raise UserError("counts as absent")
    return found["epoch"], found["network"]["weight"].tolist()


@cache
def good_record():
    """Return the smallest committed record of a training."""
    root = Path(__file__).parents[2] / "results"
    return min(root.glob("*/records/*.json"), key=lambda path: (path.stat().st_size, path.name))


def old_record(path):
    path.write_bytes(good_record().read_bytes())


def record(path):
    """Write the same as it is written today."""
    from topoeval.records.files import read_record as read
    from topoeval.records.files import write_record

    write_record(path, read(good_record()))


def read_record(path):
    from topoeval.records.files import read_record as read
    from topoeval.records.files import record_text

    named = path.with_name(good_record().name)
    path.rename(named)
    return record_text(read(named))


def plan(path):
    """Write what a sweep leaves for `status` and `retry`."""
    from topoeval.harness.runs.store import Store
    from topoeval.harness.runs.sweep import _write_plan
    from topoeval.harness.suites.suite import Limits
    from topoeval.records.files import read_record as read

    store = Store(path.parent / "left", "mine")
    _write_plan([read(good_record()).spec], store, Limits(timeout_s=60), "cross_entropy")
    store.sweep.rename(path)


def read_plan(path):
    from topoeval.harness.runs.store import Store
    from topoeval.harness.runs.sweep import read_plan as read

    store = Store(path.parent / "left", "mine")
    store.sweep.parent.mkdir(parents=True)
    path.rename(store.sweep)
    return read(store).model_dump_json()


def timing(path):
    from topoeval.records.files import read_record as read
    from topoeval.records.timings import write_timing

    spec = read(good_record()).spec.model_dump(mode="json", by_alias=True)
    round_ = {"round": 0, "position": 1, "laps": [{"loss": 0.5, "network": 0.25}], "images": 8}
    write_timing(
        path,
        {"schema": 2, "id": "0" * 16, "spec": spec, "machine": {"cpu": "x"}, "rounds": [round_],
         "software": {"versions": {"torch": "2"}}, "settings": {"warmup": 1, "steps": 4}},
    )  # fmt: skip


def read_timing(path):
    from topoeval.records.timings import read_timing as read

    return json.dumps(read(path), sort_keys=True)


def tuned(path):
    from topoeval.harness.suites.tuned import Choice, Tuned

    values = {"weight": 0.25, "training.learning_rate": 0.002, "reading": "signal"}
    choices = tuple(
        Choice(dataset="strokes", params={"lines": k}, method=name, values=values)
        for k in (4, 8)
        for name in ("cross_entropy", "betti_prior")
    )
    Tuned(suite="mine", seeds=(8, 9), choices=choices).write(path, "Written by 'topoeval tune'.")


def read_tuned(path):
    from topoeval.harness.suites.tuned import read_tuned as read

    return read(path).model_dump_json()


# what stands beside a file, by name
BESIDE = {}


def evaluation(path):
    """Write the table of an evaluation, and keep the record that stands beside it."""
    import PIL.Image

    from topoeval.cli.evaluation import write_evaluation
    from topoeval.evaluate import Options, evaluate

    folder = path.parent / "evaluated"
    for side, shift in (("p", 1), ("g", 0)):
        (folder / side).mkdir(parents=True)
        for number in range(4):
            mask = np.roll(SQUARE, shift * number, 0)
            PIL.Image.fromarray(mask).save(folder / side / f"case{number}.png")
    out = folder / "out"
    found = evaluate(folder / "p", folder / "g", Options(columns=("dice", "betti_error")), out=out)
    write_evaluation(found, out)
    BESIDE["record"] = (out / "record.json").read_bytes()
    (out / "cases.csv").rename(path)


def read_evaluation(path):
    from topoeval.evaluate.finished import read_evaluation as read

    path.rename(path.with_name("cases.csv"))
    path.with_name("record.json").write_bytes(BESIDE["record"])
    found = read(path.parent)
    return found.cases.to_csv(), str(found.spec)


def tables(path):
    """Write the scores that `results.load` keeps, and keep what stands beside them."""
    import pandas as pd

    from topoeval.results import cache

    frames = [pd.DataFrame({"id": ["a", "b"], "dice": [0.5, 0.25 * k]}) for k in range(2)]
    with kept(path.parent / "kept") as folder:
        cache.keep(folder, "key", *frames)
        beside = {found.name: found for found in folder.parent.rglob("key*")}
    beside["key.cases.parquet"].rename(path)
    for name in ("key.runs.parquet", "key.sha256"):
        BESIDE[name] = beside[name].read_bytes()


@contextmanager
def kept(folder):
    """Have the cache in a folder, and yield a folder of records."""
    before = os.environ.get("TOPOEVAL_CACHE")
    os.environ["TOPOEVAL_CACHE"] = str(folder)
    (folder / "records").mkdir(parents=True, exist_ok=True)
    try:
        yield folder / "records"
    finally:
        os.environ["TOPOEVAL_CACHE"] = before or ""


def read_tables(path):
    from topoeval.results import cache

    with kept(path.parent / "kept") as folder:
        home = cache._home(folder)
        home.mkdir(parents=True)
        path.rename(home / "key.cases.parquet")
        for name in ("key.runs.parquet", "key.sha256"):
            (home / name).write_bytes(BESIDE[name])
        found = cache.fetch(folder, "key")
    if found is None:
        raise UserError("counts as absent")
    return [table.to_csv() for table in found]


def bundle(path):
    from topoeval.results.submission import pack

    folder = path.parent / "ours"
    folder.mkdir()
    (folder / "submission.toml").write_text(
        'method = "ours"\ndataset = "discs 1"\ntopology = "T"\nclasses = "1"\n'
    )
    (folder / "scores.csv").write_text(
        "case,class,dice\n" + "".join(f"c{k},1,0.{k}\n" for k in range(1, 10))
    )
    pack(folder, path)


def read_bundle(path):
    from topoeval.results.submission import check

    found = check(path)
    return found.about, found.status, found.reason, found.scores.to_csv()


# kind: ending, writer, reader, whether any change of its content is noticed: of all but records
# that older versions wrote
OURS = {
    "record": (".json", record, read_record, True),
    "plan": (".json", plan, read_plan, True),
    "timing": (".json", timing, read_timing, True),
    "tuned": (".toml", tuned, read_tuned, True),
    "evaluation": (".csv", evaluation, read_evaluation, True),
    "tables": (".parquet", tables, read_tables, True),
    "bundle": (".zip", bundle, read_bundle, True),
    "cache": (".npz", cached, read_cached, True),
    "state": (".pt", state, read_state, True),
    "record-of-schema-3": (".json", old_record, read_record, False),
}
