"""Topological interaction: critical voxels by hand, and by brute force."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from topoeval import Topology, UserError
from topoeval.losses import TopoInteractionLoss
from topoeval.testing.loss_subject import as_classes


def one_hot(rows, classes=3):
    labels = torch.tensor([[int(c) for c in row] for row in rows])
    return 10 * F.one_hot(labels, classes).permute(2, 0, 1).float()[None]


def test_exclusion_by_hand():
    """Labels 1 and 2 touch through faces in one place; both sides are critical."""
    logits = one_hot(["0000", "0120", "0000"])
    critical = TopoInteractionLoss(exclusion=[[1, 2]]).critical(logits)[0]
    assert critical.nonzero().tolist() == [[1, 1], [1, 2]]


def test_what_touches_is_decided_by_the_topology():
    """Diagonal neighbours touch where the foreground connects through corners."""
    logits = one_hot(["100", "020", "000"])
    corners = TopoInteractionLoss(exclusion=[[1, 2]], topology=Topology("T")).critical(logits)
    faces = TopoInteractionLoss(exclusion=[[1, 2]], topology=Topology("V")).critical(logits)
    assert corners.sum() == 2
    assert faces.sum() == 0


def test_containment_by_hand():
    """A cavity (1) in its wall (2) is fine until it leaks into the outside (0)."""
    rule = TopoInteractionLoss(containment=[[1, 2]], topology=Topology("V"))
    assert not rule.critical(one_hot(["22222", "21112", "22222"])).any()
    leaking = rule.critical(one_hot(["22222", "21110", "22222"]))[0]
    assert leaking.nonzero().tolist() == [[1, 3], [1, 4]]


@pytest.mark.parametrize("distance", [1, 2])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(9, 8), (5, 4, 6)])
def test_against_all_pairs_of_voxels(shape, construction, distance):
    """Critical are the voxels of either label no farther from the other than the distance."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, *shape)
    rule = TopoInteractionLoss(
        exclusion=[[0, 2]], topology=Topology(construction), distance=distance
    )
    labels = logits.argmax(1)
    critical = rule.critical(logits)
    order = 1 if construction == "V" else float("inf")
    for image in range(2):
        expected = torch.zeros(shape, dtype=torch.bool)
        for a, b in ((0, 2), (2, 0)):
            here, there = (labels[image] == a).nonzero(), (labels[image] == b).nonzero()
            near = torch.cdist(here.double(), there.double(), p=order).amin(1) <= distance
            expected[tuple(here[near].T)] = True
        assert torch.equal(critical[image], expected)


def test_the_loss_sums_the_cross_entropy_of_critical_voxels():
    """Only they count, and without them the loss is 0."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 6, 6, requires_grad=True)
    target = F.one_hot(torch.randint(3, (2, 6, 6)), 3).permute(0, 3, 1, 2).float()
    rule = TopoInteractionLoss(exclusion=[[1, 2]])
    critical = rule.critical(logits)
    entropy = -(target * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(rule(logits, target), (entropy * critical).sum() / 2)
    (gradient,) = torch.autograd.grad(rule(logits, target), logits)
    assert torch.equal(gradient.abs().sum(1) > 0, critical)
    assert rule(one_hot(["001", "000", "200"]), target[:1, :, :3, :3]).item() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs a rule"),
        ({"exclusion": [[1, 1]]}, "two different labels"),
        ({"exclusion": [[1, 2, 3]]}, "two different labels"),
        ({"exclusion": [[1, 2]], "distance": 0}, "at least 1 voxel"),
    ],
)
def test_bad_rules_are_refused(arguments, words):
    """In one line."""
    with pytest.raises(UserError, match=words):
        TopoInteractionLoss(**arguments)


def test_a_rule_about_a_label_that_is_not_there():
    """Is refused when the number of channels is known."""
    logits = torch.zeros(1, 2, 4, 4)
    with pytest.raises(UserError, match=r"rule \(1, 5\) names a label beyond the 2"):
        TopoInteractionLoss(exclusion=[[1, 5]])(logits, as_classes(logits))


def test_one_channel_has_two_labels():
    """Foreground is label 1."""
    logits = torch.tensor(list(itertools.repeat([-1.0, 1.0, 1.0, 1.0], 3)))[None, None]
    critical = TopoInteractionLoss(exclusion=[[0, 1]]).critical(logits)[0]
    assert critical[:, :2].all()
    assert not critical[:, 2:].any()
