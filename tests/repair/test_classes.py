"""Classes that exclude each other are repaired one after another."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.repair import repair_classes, repair_labels
from topoeval.topology import Topology


def stripes():
    """Two classes as stripes, a stray voxel of each, and a hole in the second."""
    labels = np.zeros((9, 12), np.uint8)
    labels[1:3, 1:11], labels[4:8, 1:11] = 7, 9
    labels[8, 0] = 7
    labels[0, 5] = 9
    labels[5, 5] = 0
    return labels


def test_labels_stay_labels():
    """Every class has its numbers, the dtype stays, and other labels are untouched."""
    labels = stripes()
    labels[3, 3] = 3
    done = repair_labels(labels, {7: (1, 0), 9: (1, 0)})
    assert done.met
    assert done.labels.dtype == labels.dtype
    assert (done.labels == 3).sum() == 1
    assert done.labels[8, 0] == 0
    assert done.labels[5, 5] == 9


def test_no_class_takes_voxels_of_another_one():
    """A path between two parts of a class may not cross what lies between them."""
    labels = np.zeros((5, 9), np.int32)
    labels[:, :3] = labels[:, 6:] = 1
    labels[:, 4] = 2
    done = repair_labels(labels, {1: (1, 0)})
    assert done.met
    assert (done.labels[labels == 2] == 2).all()
    assert [edit.kind for edit in done.classes[1].edits] == ["delete"]


def test_a_softmax_begins_where_its_largest_channel_does(betti_numbers):
    """Random softmaxes: labels exclude each other and hold what is reported."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        logits = rng.normal(size=(4, 14, 15)) * 2
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=0)
        done = repair_classes(probabilities, {1: (1, 0), 3: (2, 1)})
        for label, one in done.classes.items():
            assert betti_numbers(done.labels == label, Topology()) == one.after
        before = probabilities.argmax(axis=0)
        assert (done.labels[before == 2] == 2).all()


def test_what_is_no_class_is_refused():
    """Background, a channel that is not there, labels that are no integers."""
    with pytest.raises(UserError, match="background"):
        repair_labels(stripes(), {0: (1, 0)})
    with pytest.raises(UserError, match="no channel"):
        repair_classes(np.full((2, 4, 4), 0.5), {2: (1, 0)})
    with pytest.raises(UserError, match="integers"):
        repair_labels(np.zeros((4, 4)), {1: (1, 0)})
