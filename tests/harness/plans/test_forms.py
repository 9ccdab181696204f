"""Images and networks that do not fit each other are found before the first run."""

import numpy as np
import pytest
import tifffile

from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_suite

SUITE = """
schema = 1
name = "forms"
title = "Forms"
seeds = [0]
methods = ["cross_entropy"]
SAID

[network]
channels = [4, 8]

[start]
losses = [{ name = "cross_entropy" }]
training = { epochs = 1, batch_size = 4 }

[training]
epochs = 1
batch_size = 4

[[dataset]]
DATASET
"""


@pytest.fixture
def planned(tmp_path):
    """Return the suite and its plan, with words filled in."""

    def make(dataset, said=""):
        path = tmp_path / "suite.toml"
        path.write_text(SUITE.replace("DATASET", dataset).replace("SAID", said))
        suite = load_suite(str(path))
        return suite, plan(suite)

    return make


@pytest.fixture
def folder(tmp_path):
    """Return a folder of images, one of which has another shape."""

    def make(odd):
        for part in ("images", "labels"):
            (tmp_path / part).mkdir()
        rng = np.random.default_rng(0)
        for number in range(10):
            shape = odd if number == 4 else (16, 16)
            image = rng.integers(0, 255, shape, dtype=np.uint8)
            tifffile.imwrite(tmp_path / "images" / f"case{number}.tif", image)
            label = (rng.random(shape[:2]) > 0.5).astype(np.uint8)
            tifffile.imwrite(tmp_path / "labels" / f"case{number}.tif", label)
        paths = f'images = "{tmp_path}/images", labels = "{tmp_path}/labels"'
        return f'name = "folder"\nsizes = {{ train = 6, test = 2 }}\nparams = {{ {paths} }}'

    return make


@pytest.mark.parametrize("odd", [(16, 20), (16, 16, 3)], ids=["size", "channels"])
def test_files_of_another_form_are_named(planned, folder, odd):
    """Two of them, with both shapes, whichever split the odd one is in."""
    dataset = folder(odd)
    reasons = set()
    for seed in range(6):
        _, runs = planned(dataset, "")
        runs = [run.model_copy(update={"seed": seed}) for run in runs]
        reasons |= set(obstacles(runs).values())
    (reason,) = {text.partition("the image of")[0] for text in reasons}
    assert "'folder'" in reason
    assert any("case4" in text for text in reasons)
    told = "x".join(map(str, odd)) if len(odd) == 3 else "1x16x20"
    assert any(told in text or "3x16x16" in text for text in reasons), reasons


def test_patches_are_trained_on_and_predicted_in_windows(planned, tmp_path):
    """Of images whose own sides the network would not take; thresholds are recorded beside."""
    dataset = 'name = "cardiac"\nparams = { side = 51 }\nsizes = { train = 4, val = 3, test = 2 }'
    _, whole = planned(dataset)
    assert all("multiples of 2" in reason for reason in obstacles(whole).values())
    assert len(obstacles(whole)) == len(whole)
    suite, runs = planned(dataset, "patch = { size = 16, overlap = 0.25 }")
    assert obstacles(runs) == {}
    store = Store(tmp_path / "results", suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    record = store.read(runs[-1].id)
    assert len(record.cases["dice"]) == 2
    assert list(record.thresholds) == ["half", "dice", "topology"]
    assert record.thresholds["half"].cases["dice"] == record.cases["dice"]


def test_scores_are_those_of_the_threshold_that_the_suite_names(planned, tmp_path):
    """The same network; only the mask is another."""
    dataset = 'name = "cardiac"\nparams = { side = 48 }\nsizes = { train = 4, val = 3, test = 2 }'
    suite, runs = planned(dataset, 'threshold = "dice"')
    store = Store(tmp_path / "results", suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    record = store.read(runs[-1].id)
    assert record.cases["dice"] == record.thresholds["dice"].cases["dice"]
    assert record.cases["betti_error"] == record.thresholds["dice"].cases["betti_error"]
