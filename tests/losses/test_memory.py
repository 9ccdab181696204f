"""Targets that a loss has seen: prepared once, forgotten in time, never mistaken."""

import copy
import pickle
import threading

import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import BoundaryLoss, CapeLoss, SkeletonRecallLoss, adapt
from topoeval.losses.memory import VARIABLE, digests


class Counting(SkeletonRecallLoss):
    """Counts the targets that it prepares."""

    prepared = 0

    def prepare(self, target):
        Counting.prepared += len(target)
        return super().prepare(target)


@pytest.fixture
def counting():
    Counting.prepared = 0
    return Counting()


def masks(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(n, 1, 12, 12, generator=generator) > 0.3).float()


def test_a_target_is_prepared_once_in_any_batch(counting):
    """Whatever stands beside it, and wherever in the batch."""
    targets = masks(4)
    maps = torch.full((2, 1, 12, 12), 0.5)
    for samples in ([0, 1], [1, 2], [3, 0], [2, 3]):
        counting(maps, targets[samples])
    assert Counting.prepared == 4


def test_a_voxel_changed_in_place_is_another_target(counting):
    """Content counts, not the tensor."""
    targets, maps = masks(1), torch.full((1, 1, 12, 12), 0.5)
    counting(maps, targets)
    targets[..., 3, 3] = 1 - targets[..., 3, 3]
    assert counting(maps, targets) == Counting()(maps, targets)
    assert Counting.prepared == 3


def test_settings_changed_later_count(counting):
    """What a loss was told since is not forgotten."""
    targets, maps = masks(2), torch.full((2, 1, 12, 12), 0.5)
    counting(maps, targets)
    for name, value in {"dilations": 0, "topology": Topology("T", "superlevel")}.items():
        setattr(counting, name, value)
        fresh = SkeletonRecallLoss(dilations=0, topology=counting.topology)
        assert counting(maps, targets) == fresh(maps, targets)


def test_shape_type_and_values_tell_targets_apart():
    """Masks of equal bits and another form, grey targets, the order of a batch."""
    mask = masks(1)
    others = [mask.reshape(1, 1, 6, 24), mask.double(), mask * 0.5, 1 - mask, mask.flip(-1)]
    known = {digests(target)[0] for target in (mask, *others)}
    assert len(known) == 6
    assert digests(torch.cat([mask, 1 - mask])) == digests(mask) + digests(1 - mask)
    assert digests(mask.transpose(-1, -2).contiguous().transpose(-1, -2)) == digests(mask)


def test_off_switch(counting, monkeypatch):
    """0 MiB is none."""
    monkeypatch.setenv(VARIABLE, "0")
    for _ in range(2):
        counting(torch.full((1, 1, 12, 12), 0.5), masks(1))
    assert Counting.prepared == 2


@pytest.mark.parametrize("text", ["much", "-1", "inf", "nan"])
def test_a_size_that_is_none_is_refused(monkeypatch, text):
    """With the variable's name."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UserError, match=VARIABLE):
        SkeletonRecallLoss()(torch.full((1, 1, 12, 12), 0.5), masks(1))


@pytest.mark.parametrize("loss", [SkeletonRecallLoss(), BoundaryLoss(), CapeLoss()])
def test_size_is_bounded(monkeypatch, loss):
    """The rows used longest ago go first; the answer stays."""
    monkeypatch.setenv(VARIABLE, str(4 / 1024))
    maps = torch.rand(1, 1, 12, 12)
    for seed in range(40):
        target = masks(1, seed)
        assert loss(maps, target) == type(loss)()(maps, target)
    assert 0 < len(loss._memory) < 40


def test_copies_start_empty(counting):
    """Of pickle and deepcopy; a loss with a memory can be sent to a worker."""
    counting(torch.full((1, 1, 12, 12), 0.5), masks(1))
    assert len(counting._memory) == 1
    assert len(copy.deepcopy(counting)._memory) == 0
    assert len(pickle.loads(pickle.dumps(counting))._memory) == 0


def test_threads_share_a_loss():
    """Eight threads, sixteen targets, one loss: every answer is that of a new loss."""
    targets, maps = masks(16), torch.rand(16, 1, 12, 12)
    expected = [SkeletonRecallLoss()(maps[i : i + 1], targets[i : i + 1]) for i in range(16)]
    loss, wrong = SkeletonRecallLoss(), []

    def work(first):
        for k in range(64):
            i = (first + 5 * k) % 16
            if loss(maps[i : i + 1], targets[i : i + 1]) != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_adapted_losses_remember_too():
    """`adapt` copies a loss for a call; what it has seen is kept."""
    loss = adapt("skeleton_recall", sigmoid=True)
    for _ in range(2):
        loss(torch.zeros(2, 1, 12, 12), masks(2))
    assert len(loss.loss._memory) == 2
