"""Images and networks that do not fit each other are found before the first run."""

import re

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
    """Return a folder of images, some of which have another shape."""

    def make(odd):
        rng = np.random.default_rng(0)
        for number in range(16):
            part = "train" if number < 14 else "test"
            # a training takes some of its part; whichever these are, not all are alike
            shape = odd if part == "train" and number % 2 else (16, 16)
            image = rng.integers(0, 255, shape, dtype=np.uint8)
            label = (rng.random(shape[:2]) > 0.5).astype(np.uint8)
            for side, picture in (("images", image), ("labels", label)):
                path = tmp_path / side / part / f"case{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, picture)
        paths = f'images = "{tmp_path}/images", labels = "{tmp_path}/labels"'
        return f'name = "folder"\nsizes = {{ train = 4, test = 2 }}\nparams = {{ {paths} }}'

    return make


@pytest.mark.parametrize(
    ("odd", "told"), [((16, 20), "1x16x20"), ((16, 16, 3), "3x16x16")], ids=["size", "channels"]
)
def test_files_of_another_form_are_named(planned, folder, odd, told):
    """Two of them, with both shapes."""
    _, runs = planned(folder(odd))
    (reason,) = set(obstacles(runs).values())
    assert "'folder'" in reason
    assert len(set(re.findall(r"case\d+", reason))) == 2
    assert told in reason
    assert "1x16x16" in reason


def test_a_suite_without_sizes_is_looked_at_too(planned, folder):
    """Of a split without a size a run takes every image."""
    _, runs = planned(folder((16, 20)).replace("sizes = { train = 4, test = 2 }", ""))
    reasons = set(obstacles(runs).values())
    assert len(reasons) == 1
    assert "1x16x20" in reasons.pop()


@pytest.mark.parametrize(("form", "refused"), [((16, 16, 3), True), ((32, 32), False)])
def test_training_and_test_images_have_the_same_channels(planned, folder, tmp_path, form, refused):
    """Sizes may differ between the two, channels may not: one network reads both."""
    dataset = folder((16, 16))
    for path in (tmp_path / "images" / "test").glob("*.tif"):
        tifffile.imwrite(path, np.zeros(form, np.uint8))
        tifffile.imwrite(tmp_path / "labels" / "test" / path.name, np.ones(form[:2], np.uint8))
    _, runs = planned(dataset)
    reasons = set(obstacles(runs).values())
    assert any("3x16x16" in reason for reason in reasons) is refused
    assert bool(reasons) is refused


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
    assert set(record.thresholds) == {"half", "dice", "topology"}
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
