"""What a run leaves to be looked at."""

import base64
import zlib

import numpy as np
import pytest
import torch

from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.runs import tasks
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.catalogue import load_suite
from topoeval.training import Teaching, TensorSet


def unpacked(example, name):
    """Return a picture of an example, 0 to 255."""
    data = zlib.decompress(base64.b64decode(example[name]))
    return np.frombuffer(data, dtype=np.uint8).reshape(example["shape"])


def test_of_a_volume_the_fullest_slice_is_kept():
    """The same one in image, truth and answer; a whole volume would weigh a megabyte."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((4, 1, 5, 6, 7), generator=generator)
    targets = torch.zeros_like(images)
    targets[:, :, 1, 2:4] = 1
    targets[:, :, 3, 2:5] = 1
    test = TensorSet(images, targets, None, None, ("a", "b", "c", "d"))
    examples = tasks._examples(test, 1 - images)
    assert [example["case"] for example in examples] == ["a", "b", "c"]
    for k, example in enumerate(examples):
        assert example["shape"] == [6, 7]
        expected = np.rint(images[k, 0, 3].numpy() * 255)
        np.testing.assert_array_equal(unpacked(example, "image"), expected)
        np.testing.assert_array_equal(unpacked(example, "target"), targets[k, 0, 3] * 255)
        np.testing.assert_allclose(unpacked(example, "prediction"), 255 - expected, atol=1)


def test_the_teacher_of_a_method_is_that_of_its_training(suite_file, monkeypatch, tmp_path):
    """Its decay and noise reach the training, with the terms that ask it."""
    text = suite_file.read_text()
    suite_file.write_text(
        text.replace('"betti_prior_semi"', '"topo_semi[teacher.decay=0.5,teacher.noise=0.0]"')
    )
    told = {}

    class Reached(Exception):
        """Stands in for the training."""

    def noted(network, terms, *data, **settings):
        told.update(settings, targets=[term.target for term in terms])
        raise Reached

    monkeypatch.setattr(tasks, "fit", noted)
    (run,) = (run for run in plan(load_suite(str(suite_file))) if run.method.name == "topo_semi")
    assert not obstacles([run])
    with pytest.raises(Reached):
        tasks.perform(run.model_copy(update={"parents": {}}), Store(tmp_path, "tiny"))
    assert told["teaching"] == Teaching(decay=0.5, noise=0.0)
    assert told["targets"] == [None, "teacher", "teacher"]
