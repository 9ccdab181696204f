"""A suite small enough to run many times, and runs that cost nothing."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from topoeval.records.spec import RunSpec

SUITE = """
schema = 1
name = "tiny"
title = "Tiny"
seeds = [0]
methods = ["cross_entropy", "betti_prior_semi", "betti_prior_post", "largest_component"]

[network]
channels = [4, 8]
norm = "none"

[start]
losses = [{ name = "cross_entropy" }]
training = { epochs = 3, batch_size = 8 }

[training]
epochs = 2
batch_size = 8
unlabelled_batch_size = 4

[auxiliary.judge]
epochs = 1

[override.betti_prior_post.adaptation]
steps = 3

[[dataset]]
name = "strokes"
sizes = { train = 16, unlabelled = 8, test = 10, judge = 40 }
"""


@pytest.fixture
def suite_file(tmp_path):
    """The suite as a file, to be changed by a test."""
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="session")
def fake_worker():
    """A program in the place of topoeval.harness.runs.worker that needs no torch."""
    return (sys.executable, "-P", str(Path(__file__).with_name("fake_worker.py")))


@pytest.fixture(scope="session")
def fake_run():
    """Return a run for the fake worker: what it does, told from others by a seed."""

    def make(behaviour, seed=0, parents=(), device="cpu"):
        return RunSpec.model_validate(
            {
                "task": "restore",
                "dataset": {"name": "strokes"},
                "topology": "T-superlevel-plain",
                "network": {},
                "method": {
                    "name": behaviour,
                    "title": behaviour,
                    "regime": "supervised",
                    "losses": [{"name": "cross_entropy"}],
                },
                "training": {"epochs": 1},
                "backend": "native",
                "device": device,
                "seed": seed,
                "parents": dict(parents),
            }
        )

    return make


@pytest.fixture(scope="session")
def wait_until_alone():
    """Return a function that returns once no other process has `mark` in its command line."""

    def wait(mark, patience_s=20):
        deadline = time.monotonic() + patience_s
        while others := processes_with(str(mark)):
            assert time.monotonic() < deadline, others
            time.sleep(0.1)

    return wait


def processes_with(mark):
    """The other processes that have `mark` in their command line."""
    return [
        (process.pid, process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid()
        and any(mark in part for part in process.info["cmdline"] or [])
    ]
