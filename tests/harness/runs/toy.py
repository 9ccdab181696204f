"""A suite that trains for seconds, for tests that need runs with their predictions."""

from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite

HEAD = """
schema = 1
name = "{name}"
title = "{title}"
"""
SIZES = """
[network]
channels = [4, 8]
norm = "none"

[start]
losses = [{{ name = "cross_entropy" }}]
training = {{ epochs = {epochs}, batch_size = 8, learning_rate = 5e-3 }}

[training]
epochs = 2
batch_size = 8
"""


def suite_text(name, asked, dataset, *, epochs=2):
    """Return a suite.

    ``asked`` are its first lines, ``dataset`` its last; ``epochs`` those of the common start.
    """
    head = HEAD.format(name=name, title=name.capitalize())
    return head + asked.strip("\n") + "\n" + SIZES.format(epochs=epochs) + dataset


def finished(folder, text, name="results"):
    """Run a suite in this process; return its store and its runs, parents first."""
    path = folder / f"{name}.toml"
    path.write_text(text)
    suite = load_suite(str(path))
    runs, store = plan(suite), Store(folder / name, suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    return store, runs
