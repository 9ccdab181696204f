"""What the report of many records costs, step by step.

    OMP_NUM_THREADS=1 python bench/micro/report.py [--methods 50] [--datasets 10] [--seeds 20]

Made-up records of the shape the harness writes, 20 cases and 2 examples each, go to a folder that
is removed again. Figures are CPU time of this process, each step once: reading, reducing, drawing
and writing. A profile of the whole: `python -m cProfile -s cumtime bench/micro/report.py`.
"""

import argparse
import base64
import json
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from topoeval.report.folder import Folder
from topoeval.report.page import add_assets, add_suite
from topoeval.report.suite import Site
from topoeval.results.records import read

CASES, EXAMPLES, SIDE = 20, 2, 28


def pack(picture):
    """Pack a picture as a record does."""
    return base64.b64encode(zlib.compress(picture.astype(np.uint8).tobytes())).decode()


def record(number, method, dataset, seed, random):
    """Make one record; every 200th failed."""
    skill = 0.3 + 0.4 * (method * 7 % 50) / 50
    right = random.random(CASES) < skill
    dice = (0.8 + 0.1 * skill + random.normal(0, 0.02, CASES)).clip(0, 1).round(6)
    wrong = (~right).astype(int)
    mask = random.random((SIDE, SIDE)) < 0.3
    failed = number % 200 == 199
    cases = {
        "case": [f"test-{i:05d}" for i in range(CASES)],
        "dice": dice.tolist(),
        "b0": (1 + wrong).tolist(),
        "b1": [1] * CASES,
        "b0_true": [1] * CASES,
        "b1_true": [1] * CASES,
        "betti_error_0": wrong.tolist(),
        "betti_error_1": [0] * CASES,
        "betti_error": wrong.tolist(),
        "matches_truth": right.tolist(),
    }
    examples = [
        {
            "case": cases["case"][i],
            "shape": [SIDE, SIDE],
            "image": pack(mask * 200),
            "target": pack(mask * 255),
            "prediction": pack((mask ^ (random.random((SIDE, SIDE)) < 0.02)) * 255),
        }
        for i in range(EXAMPLES)
    ]
    return {
        "schema": 1,
        "id": f"{number:016x}",
        "suite": "many",
        "spec": {
            "schema": 1,
            "task": "restore",
            "dataset": {
                "name": "strokes",
                "params": {"level": dataset},
                "revision": "1",
                "sizes": {"train": 64, "test": CASES},
            },
            "topology": "T-superlevel-plain",
            "network": {"name": "unet", "channels": [8, 16, 32]},
            "method": {
                "name": "cross_entropy" if method == 0 else f"method_{method}",
                "title": "Cross-entropy" if method == 0 else f"Method {method}",
                "role": "method",
                "regime": "supervised",
                "losses": [{"name": "dice", "weight": 1.0, "params": {"number": method}}],
            },
            "training": {"epochs": 10, "batch_size": 16, "learning_rate": 5e-4},
            "backend": "native",
            "precision": "float32",
            "device": "cpu",
            "seed": seed,
            "parents": {},
        },
        "status": "diverged" if failed else "ok",
        "fault": "method" if failed else None,
        "error": "FloatingPointError: the loss is NaN" if failed else None,
        "cases": {} if failed else cases,
        "timing": {
            "wall_s": 3.0 + skill + 0.1 * seed,
            "steps": 40,
            "per_step_s": {"network": 0.01, "loss": 0.002 * skill, "backward": 0.01},
        },
        "memory": {"peak_rss_bytes": 600 * 2**20},
        "examples": [] if failed else examples,
        "environment": {
            "python": "3.11.7",
            "cpu": "Example CPU",
            "cores": 2,
            "threads": 1,
            "versions": {"torch": "2.13.0"},
            "topoeval": {"version": "0.1.0", "commit": "abc1234"},
        },
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:05:05+00:00",
    }


def main():
    """Make records, report on them, print what each step took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=int, default=50)
    parser.add_argument("--datasets", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "records"
        folder.mkdir()
        sizes = (options.methods, options.datasets, options.seeds)
        for number, (method, dataset, seed) in enumerate(np.ndindex(*sizes)):
            text = json.dumps(record(number, method, dataset, seed, random))
            (folder / f"{number:016x}.json").write_text(text)
        print("{} methods x {} datasets x {} seeds".format(*sizes))
        start = time.process_time()
        with step("read"):
            records = read(folder)
        made = Folder(Path(place) / "report")
        with step("reduce, draw, render"):
            add_assets(made)
            add_suite(made, records, None, (), Site(records="../records"))
        with step("write"):
            made.save()
        size = sum(path.stat().st_size for path in made.root.rglob("*") if path.is_file())
        count = sum(path.is_file() for path in made.root.rglob("*"))
        print(f"{'all':24}{time.process_time() - start:8.2f} s CPU")
        print(f"{count} files, {size / 2**20:.1f} MiB")


@contextmanager
def step(name):
    """Print the CPU time of a step."""
    start = time.process_time()
    yield
    print(f"{name:24}{time.process_time() - start:8.2f} s CPU")


if __name__ == "__main__":
    main()
