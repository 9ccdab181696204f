"""The term beside nnU-Net's loss, without nnU-Net: strength, time, what does not count."""

import pytest
import torch
from torch import nn

from topoeval import UserError
from topoeval.losses import LOSSES
from topoeval.nnunet.term import TopologicalTerm


class Base(nn.Module):
    """Stands for nnU-Net's loss: something smooth, of every output."""

    def forward(self, output, target):
        outputs = [output] if isinstance(output, torch.Tensor) else output
        return sum((i + 1) * one.square().mean() for i, one in enumerate(outputs))


def term_of(name="cldice", params=None, **changed):
    settings = {
        "regions": False,
        "ignore_label": None,
        "gradient_ratio": 0.1,
        "weight": None,
        "start": 0.0,
        "ramp": 0.0,
        "every": 1,
        **changed,
    }
    term = TopologicalTerm(Base(), name, params or {}, **settings)
    term.progress = 1.0
    return term


def case(ndim, channels=3):
    """Logits, and int16 labels of a cube in a cube, as nnU-Net hands them over."""
    labels = torch.zeros(2, 1, *(12,) * ndim, dtype=torch.int16)
    labels[(..., *(slice(2, 10),) * ndim)] = 1
    labels[(..., *(slice(5, 8),) * ndim)] = 2
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, channels, *(12,) * ndim, generator=generator)
    return (logits + 2 * torch.cat([labels == c for c in range(channels)], 1)).requires_grad_(), (
        labels
    )


FITTING = [
    (name, ndim)
    for name in sorted(LOSSES)
    for ndim in LOSSES.load(name).info.ndims
    if LOSSES.load(name).info.needs_target
]
# which labels may not touch has no default
REQUIRED = {"topo_interaction": {"exclusion": [[0, 2]]}}


@pytest.mark.parametrize(("name", "ndim"), FITTING)
def test_every_loss_in_2d_and_3d_has_the_ratio_asked_for(name, ndim):
    """And exactly no gradient where voxels are ignored."""
    logits, labels = case(ndim)
    labels[..., :2] = 3
    term = term_of(name, REQUIRED.get(name), ignore_label=3)
    (plain,) = torch.autograd.grad(term.base(logits, labels), logits)
    (ours,) = torch.autograd.grad(term(logits, labels), logits)
    own = ours - plain
    assert float(own.norm() / plain.norm()) == pytest.approx(0.1, rel=1e-2)
    assert torch.count_nonzero(own[..., :2]) == 0


@pytest.mark.parametrize("name", ["cldice", "warping", "betti_matching", "scnp"])
def test_regions_may_overlap_and_have_an_ignore_channel(name):
    """Bool targets, one channel a region and the last for what does not count."""
    logits, labels = case(2, channels=2)
    ignored = torch.zeros_like(labels, dtype=torch.bool)
    ignored[..., :4] = True
    target = torch.cat([labels > 0, labels == 2, ignored], 1)
    term = term_of(name, regions=True, ignore_label=3)
    (plain,) = torch.autograd.grad(term.base(logits, target), logits)
    (ours,) = torch.autograd.grad(term(logits, target), logits)
    assert (ours - plain).norm() > 0
    assert torch.count_nonzero((ours - plain)[..., :4]) == 0


def test_deep_supervision_looks_at_the_full_resolution():
    """Lower outputs have the gradient of nnU-Net's loss, bit for bit."""
    logits, labels = case(2)
    outputs = [logits, torch.randn(2, 3, 6, 6).requires_grad_()]
    term = term_of()
    targets = [labels, labels[..., ::2, ::2]]
    plain = torch.autograd.grad(term.base(outputs, targets), outputs)
    ours = torch.autograd.grad(term(outputs, targets), outputs)
    assert not torch.equal(ours[0], plain[0])
    assert torch.equal(ours[1], plain[1])


def test_when_the_term_is_added():
    """Not before the start, then rising, in every n-th step; validation reuses the factor."""
    logits, labels = case(2)
    term = term_of(start=0.5, ramp=0.5, every=2)
    strengths = []
    for progress in (0.25, 0.5, 0.75, 1.0):
        term.progress = progress
        strengths.append(term.strength())
    assert strengths == [0.0, 0.0, 0.5, 1.0]
    plain = term.base(logits, labels)
    with torch.no_grad():
        assert term(logits, labels) == plain  # no factor yet
    added = [bool(term(logits, labels) != plain) for _ in range(4)]
    assert added == [False, True, False, True]
    assert term.calls == 4
    with torch.no_grad():
        assert term(logits, labels) != plain
    assert term.calls == 4


def test_a_batch_in_which_nothing_counts_is_nnunets_alone():
    """All voxels ignored: the value of nnU-Net's loss."""
    logits, labels = case(2)
    term = term_of(ignore_label=3)
    assert term(logits, torch.full_like(labels, 3)) == term.base(logits, labels)
    assert term.calls == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight": 1.0}, "one of the two"),
        ({"start": 0.9, "ramp": 0.5}, "does not reach its strength"),
        ({"every": 0}, "number of steps"),
        ({"name": "betti_prior"}, "needs a Betti prior"),
        ({"prior": [[1, 0]]}, "takes no Betti prior"),
    ],
)
def test_settings_that_do_nothing_are_refused(changed, words):
    """In words, when the trainer is built."""
    with pytest.raises(UserError, match=words):
        term_of(**changed)
