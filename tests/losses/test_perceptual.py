"""Features of the target, by the layers of VGG-19, with weights that are there."""

import pytest
import torch
from torch import nn

from topoeval import UserError
from topoeval.losses import PerceptualLoss


def line(*gaps):
    target = torch.zeros(1, 1, 16, 16)
    target[..., 8, :] = 1
    for gap in gaps:
        target[..., 8, gap] = 0
    return target


def vgg19(seed=0):
    """The first convolutions of torchvision's VGG-19, weights drawn here, and their state dict."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    channels = 3
    for block, count in ((64, 2), (128, 2), (256, 4)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, block, 3, padding=1), nn.ReLU()]
            channels = block
        layers += [nn.MaxPool2d(2)]
    network = nn.Sequential(*layers)
    return network, {f"features.{name}": value for name, value in network.state_dict().items()}


def test_value_is_that_of_a_network_in_three_colours():
    """Mean squared difference after conv1_2, conv2_2 and conv3_4 of repeated channels."""
    network, state = vgg19()
    torch.manual_seed(1)
    x, target = torch.rand(2, 2, 16, 12), (torch.rand(2, 2, 16, 12) > 0.5).float()
    parts = PerceptualLoss(weights=state).parts(x, target)
    maps = [maps.flatten(0, 1)[:, None].expand(-1, 3, -1, -1) for maps in (x, target)]
    expected = {}
    with torch.no_grad():
        for place, layer in enumerate(network):
            maps = [layer(features) for features in maps]
            name = {3: "conv1_2", 8: "conv2_2", 17: "conv3_4"}.get(place)
            if name:
                expected[name] = (maps[0] - maps[1]).square().mean((1, 2, 3)).reshape(2, 2)
    assert list(parts) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value)


def test_weights_may_lie_in_a_file(tmp_path):
    """A state dict and the file it was saved in are the same."""
    _, state = vgg19()
    torch.save(state, tmp_path / "vgg19.pt")
    saved = PerceptualLoss(weights=str(tmp_path / "vgg19.pt"))
    assert saved(line(3), line()) == PerceptualLoss(weights=state)(line(3), line())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: PerceptualLoss(weights=path / "none.pt"), "none.pt.*cannot be read"),
        (lambda path: PerceptualLoss(weights=path / "text.pt"), "text.pt.*cannot be read"),
        (lambda path: PerceptualLoss(weights={}), r"features\.0\.weight.*\(64, 3, 3, 3\)"),
        (lambda path: PerceptualLoss(weights=path / "list.pt"), r"list.pt.*features\.0\.weight"),
        (lambda path: PerceptualLoss(width=0), "width.*0"),
    ],
)
def test_bad_weights_are_refused_in_words(make, words, tmp_path):
    """The file or key, and what was expected."""
    (tmp_path / "text.pt").write_text("not a state dict")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UserError, match=words):
        make(tmp_path)


def test_different_targets_have_different_features():
    """The published packages compared every prediction with a black image."""
    x = line(3)
    assert len({PerceptualLoss()(x, line(gap)).item() for gap in (1, 3, 5, 8)}) == 4
    assert PerceptualLoss()(x, line(3)).item() == 0


def test_the_random_filters_are_the_same_everywhere():
    """A seed gives one network, whatever the global generator stands at."""
    torch.manual_seed(1)
    first = PerceptualLoss()(line(3), line())
    torch.manual_seed(2)
    assert PerceptualLoss()(line(3), line()) == first
    assert PerceptualLoss(seed=1)(line(3), line()) != first
    assert PerceptualLoss(width=8)(line(3), line()) != first


def test_filters_keep_the_scale_of_features():
    """Against a black image, all of whose features are 0, no layer outweighs another."""
    torch.manual_seed(0)
    x = torch.rand(4, 1, 32, 32)
    parts = PerceptualLoss(width=32).parts(x, torch.zeros_like(x))
    values = [part.mean().item() for part in parts.values()]
    assert max(values) < 5 * min(values)


def test_nothing_of_it_is_trained_or_saved():
    """The filters are no parameters, and a checkpoint does not hold them."""
    loss = PerceptualLoss()
    assert not list(loss.parameters())
    assert not loss.state_dict()


def test_gradient_equals_finite_differences():
    """In float64, away from kinks of the ReLU."""
    torch.manual_seed(0)
    x, target = torch.rand(1, 2, 6, 5).double(), (torch.rand(1, 2, 6, 5) > 0.5).double()
    loss = PerceptualLoss(width=2)
    assert torch.autograd.gradcheck(
        lambda x: loss(x, target), x.requires_grad_(), eps=1e-7, fast_mode=True
    )


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 5), (1, 1, 3, 7)])
def test_images_smaller_than_the_pooling_are_fine(shape):
    """Odd sides round up, so a side of one voxel stays."""
    x = torch.rand(shape, requires_grad=True)
    PerceptualLoss()(x, torch.ones(shape)).backward()
    assert torch.isfinite(x.grad).all()


def test_descent_closes_a_gap():
    """A broken line becomes the target's."""
    logits = (8 * line(7, 8) - 4).requires_grad_()
    loss = PerceptualLoss(sigmoid=True)
    optimiser = torch.optim.Adam([logits], lr=0.2)
    for _ in range(60):
        optimiser.zero_grad()
        loss(logits, line()).backward()
        optimiser.step()
    assert torch.equal(logits.sigmoid() > 0.5, line() > 0.5)
