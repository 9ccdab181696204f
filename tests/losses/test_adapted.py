"""Every loss, called as frameworks call it, is the loss called by hand: value and gradient."""

import monai.losses
import pytest
import torch
from torch.nn import functional as F

from topoeval import UserError
from topoeval.losses import (
    LOSSES,
    CapeLoss,
    ClDiceLoss,
    DiscreteMorseLoss,
    TopoInteractionLoss,
    adapt,
)
from topoeval.testing.loss_subject import as_classes, random_case

MAKE = {
    "cape": lambda **extra: CapeLoss(corridor=2, snap=1, **extra),
    "discrete_morse": lambda **extra: DiscreteMorseLoss(dilation=1, **extra),
    "topo_interaction": lambda **extra: TopoInteractionLoss(exclusion=[[0, 1]], **extra),
}
NAMES = sorted(LOSSES)
TARGETED = [name for name in NAMES if LOSSES.load(name).info.needs_target]


def make(name, **extra):
    return MAKE.get(name, LOSSES.load(name))(**extra)


def case(batch=2):
    """Logits of three classes, and labels."""
    logits, masks = random_case(2, 3, batch)
    return logits, as_classes(masks).argmax(1, keepdim=True)


def one_hot(labels, classes=3):
    return F.one_hot(labels[:, 0], classes).movedim(-1, 1).double()


def input_of(name, logits):
    """What the loss itself takes for the logits of exclusive classes."""
    info = LOSSES.load(name).info
    if info.input == "probabilities":
        return logits.softmax(1)
    if info.channels == "each":
        p = logits.softmax(1)
        return p.log() - (1 - p).log()
    return logits


def truth_of(name, labels):
    info = LOSSES.load(name).info
    return (
        {"prior": torch.tensor([[1, 1]] * len(labels))}
        if info.needs_prior
        else {"target": one_hot(labels)}
    )


def with_gradient(function, logits):
    leaf = logits.clone().requires_grad_()
    value = function(leaf)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


def assert_same(ours, by_hand, logits):
    for found, wanted in zip(
        with_gradient(ours, logits), with_gradient(by_hand, logits), strict=True
    ):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_exclusive_classes(name):
    """`softmax` and `to_onehot_y`: the loss of the softmax and the one-hot masks."""
    logits, labels = case()
    adapted, loss = adapt(make(name), softmax=True, to_onehot_y=True), make(name)
    given = {"prior": truth_of(name, labels)["prior"]} if loss.info.needs_prior else {}
    for form in (labels, labels[:, 0], labels.float()):
        assert_same(
            lambda x, form=form: adapted(x, form, **given),
            lambda x: loss(input_of(name, x), **truth_of(name, labels)),
            logits,
        )


@pytest.mark.parametrize("name", TARGETED)
def test_overlapping_channels(name):
    """`sigmoid`: each channel is a map of its own."""
    if LOSSES.load(name).info.channels == "labels":
        with pytest.raises(UserError, match="channels that overlap"):
            adapt(make(name), sigmoid=True)
        return
    logits, target = random_case(2, 2)
    loss = make(name)

    def by_hand(x):
        x = x.sigmoid() if loss.info.input == "probabilities" else x
        if name == "generalised_dice":  # whose point is one ratio of all channels
            return loss(x, target)
        return sum(loss(x[:, [c]], target[:, [c]]) for c in range(2)) / 2

    assert_same(lambda x: adapt(make(name), sigmoid=True)(x, target), by_hand, logits)


@pytest.mark.parametrize("name", NAMES)
def test_ignored_voxels_have_no_gradient_and_their_labels_change_nothing(name):
    """By a label and by a mask; where nothing counts there is no gradient."""
    logits, labels = case()
    loss = adapt(make(name), softmax=True, to_onehot_y=True, ignore_index=255)
    given = {"prior": torch.tensor([[1, 1]] * 2)} if loss.info.needs_prior else {}
    ignored = torch.zeros_like(labels, dtype=torch.bool)
    ignored[..., 2:6, 3:8] = True
    value, gradient = with_gradient(
        lambda x: loss(x, labels.masked_fill(ignored, 255), **given), logits
    )
    assert value.isfinite()
    assert torch.count_nonzero(gradient.masked_select(ignored)) == 0
    for other in (0, 1, 2):
        changed = labels.masked_fill(ignored, other)
        again = with_gradient(lambda x, c=changed: loss(x, c, mask=~ignored, **given), logits)
        assert torch.equal(again[0], value)
        assert torch.equal(again[1], gradient)
    moved = torch.where(ignored, 3 * logits.flip(1), logits)
    assert torch.equal(loss(moved, labels.masked_fill(ignored, 255), **given), value)
    _, nothing = with_gradient(lambda x: loss(x, torch.full_like(labels, 255), **given), logits)
    assert torch.count_nonzero(nothing) == 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_ignored_is_as_without(name):
    """A label that is nowhere changes nothing."""
    logits, labels = case()
    given = {"prior": torch.tensor([[1, 1]] * 2)} if LOSSES.load(name).info.needs_prior else {}
    plain = adapt(make(name), softmax=True, to_onehot_y=True)
    ignoring = adapt(make(name), softmax=True, to_onehot_y=True, ignore_index=255)
    assert_same(lambda x: ignoring(x, labels, **given), lambda x: plain(x, labels, **given), logits)


@pytest.mark.parametrize("name", NAMES)
def test_a_list_of_outputs(name):
    """The weighted sum over scales, the targets at each by their nearest voxels."""
    logits, labels = case()
    outputs = [logits, logits[..., ::2, ::2].contiguous()]
    small = F.interpolate(labels.double(), outputs[1].shape[2:], mode="nearest-exact").long()
    given = {"prior": torch.tensor([[1, 1]] * 2)} if LOSSES.load(name).info.needs_prior else {}
    for scales, used in ((None, (1.0, 0.5)), ((0.75, 0.25), (0.75, 0.25)), ((1, 0), (1, 0))):
        loss = adapt(make(name), softmax=True, to_onehot_y=True, scale_weights=scales)
        by_hand = used[0] * loss(outputs[0], labels, **given)
        if used[1]:
            by_hand = by_hand + used[1] * loss(outputs[1], small, **given)
        torch.testing.assert_close(loss(outputs, labels, **given), by_hand)
        torch.testing.assert_close(loss(outputs, [labels, small], **given), by_hand)


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_classes(name):
    """They multiply the value of each class; one too many or too few is refused in words."""
    logits, labels = case()
    loss = make(name, reduction="none")
    values = loss(input_of(name, logits), **truth_of(name, labels))
    weight = [0.5, 2.0, 3.0][-values.shape[1] :]
    given = {"prior": torch.tensor([[1, 1]] * 2)} if loss.info.needs_prior else {}
    adapted = adapt(make(name), softmax=True, to_onehot_y=True, weight=weight)
    expected = (values * torch.tensor(weight)).mean()
    torch.testing.assert_close(adapted(logits, labels, **given), expected)
    wrong = adapt(make(name), softmax=True, to_onehot_y=True, weight=[1.0] * 5)
    with pytest.raises(UserError, match="5 weights"):
        wrong(logits, labels, **given)


def test_dice_ignores_as_monai_does():
    """One image, every option of the two in common."""
    logits, labels = case()
    labels[..., 2:6, 3:8] = 255
    for options in (
        {"softmax": True},
        {"softmax": True, "include_background": False},
        {"softmax": True, "batch": True, "weight": [1.0, 2.0, 3.0]},
        {"softmax": True, "reduction": "sum", "squared_pred": True},
    ):
        ours = adapt("dice", to_onehot_y=True, ignore_index=255, **options)
        theirs = monai.losses.DiceLoss(to_onehot_y=True, ignore_index=255, **options)
        assert_same(lambda x, f=ours: f(x, labels), lambda x, f=theirs: f(x, labels), logits)


def test_cross_entropy_ignores_and_weighs_as_torch_does():
    """One image: torch takes the mean over the voxels of a batch."""
    logits, labels = case(batch=1)
    labels[..., 2:6, 3:8] = 255
    for options in ({}, {"weight": [0.5, 2.0, 3.0]}):
        ours = adapt("cross_entropy", to_onehot_y=True, ignore_index=255, **options)
        weight = torch.tensor(options["weight"]).double() if options else None
        assert_same(
            lambda x, f=ours: f(x, labels),
            lambda x, w=weight: F.cross_entropy(x, labels[:, 0], weight=w, ignore_index=255),
            logits,
        )


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: adapt("dice", sigmoid=True, softmax=True), "choose one"),
        (lambda: adapt(make("dice", softmax=True), sigmoid=True), "give it once"),
        (lambda: adapt(make("dice"), squared_pred=True), "built already"),
        (lambda: adapt("dice", squared=True), "takes no 'squared'"),
        (lambda: adapt("warping", batch=True), "no sums over the batch"),
        (lambda: adapt("clce", include_background=True), "never counts the background"),
        (lambda: adapt("dice", ignore_index=255), "needs to_onehot_y"),
        (lambda: adapt("warping", other_act=torch.tanh), "takes logits"),
        (lambda: adapt("dice", softmax=True, to_onehot_y=True)(*case2(3)), "labels 0 to 3"),
        (lambda: adapt("dice", softmax=True)(*case2(3)), "to_onehot_y=True"),
        (lambda: adapt("dice", softmax=True)(case2(1)[0], torch.zeros(1, 3, 4, 4)), "sum to 0"),
        (lambda: adapt("dice", scale_weights=[1])([case2(1)[0]] * 2, case2(1)[1]), "2 outputs"),
    ],
)
def test_what_does_not_apply_is_refused_in_words(build, words):
    """Nothing is left out without a word."""
    with pytest.raises(UserError, match=words):
        build()


def case2(label):
    return torch.zeros(1, 3, 4, 4), torch.tensor([0, label]).repeat(1, 1, 4, 2)


def test_it_prints_what_it_was_told():
    """The loss inside, and every argument that is not the default."""
    text = repr(adapt("cldice", softmax=True, to_onehot_y=True, weight=[1, 2], iterations=5))
    told = "softmax=True, to_onehot_y=True, weight=[1.0, 2.0]"
    assert text == f"adapt(ClDiceLoss(iterations=5), {told})"
    assert repr(eval(text, {"adapt": adapt, "ClDiceLoss": ClDiceLoss})) == text
