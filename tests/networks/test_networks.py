"""Networks by name: what they take, and what they return."""

import pytest
import torch

from topoeval import networks
from topoeval.errors import UserError
from topoeval.networks import NETWORKS
from topoeval.networks.architecture import Architecture

SMALL = {
    "unet": {"channels": [4, 8]},
    "residual_unet": {"channels": [4, 8]},
    "attention_unet": {"channels": [4, 8]},
    "segresnet": {"blocks_down": [1, 1], "blocks_up": [1]},
    "dynunet": {"channels": [4, 8, 8]},
}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", networks.BUILTIN)
def test_logits_have_the_size_of_the_image_in_two_and_three_dimensions(name, ndim):
    """Two channels in, three classes out; in evaluation a tensor, whatever the training sees."""
    network = networks.build(name, ndim=ndim, in_channels=2, out_channels=3, **SMALL[name]).eval()
    with torch.no_grad():
        logits = network(torch.rand(2, 2, *(8,) * ndim))
    assert logits.shape == (2, 3, *(8,) * ndim)


@pytest.mark.parametrize("side", [6, 8, 10, 12])
@pytest.mark.parametrize("name", networks.BUILTIN)
def test_the_card_says_which_sides_a_network_takes(name, side):
    """A side that the card allows passes; of the others torch itself complains, or resizes."""
    params = {"channels": [4, 8, 8]} if name != "segresnet" else {}
    card = NETWORKS.load(name)
    multiple = card.multiple(card.settings(params))
    assert multiple == 4
    if side % multiple == 0:
        assert card.output_shape((1, side, 8), 2, params) == (2, 2, side, 8)
        return
    with pytest.raises(UserError, match=rf"multiples of 4.*{side}x8.*fewer levels"):
        card.output_shape((1, side, 8), 2, params)
    with pytest.raises(RuntimeError):
        networks.build(name, out_channels=2, **params)(torch.rand(2, 1, side, 8))


def test_what_only_the_network_knows_is_found_by_running_it():
    """Instance normalisation of a single voxel: torch's reason, and a remedy."""
    with pytest.raises(UserError, match=r"'unet' does not take images of 4x4.*fewer levels"):
        networks.output_shape("unet", (1, 4, 4), 1, {"channels": [4, 8, 8]})


def test_deep_supervision_returns_a_list_in_training_the_prediction_first():
    """All at the full resolution, since MONAI resamples them; the first is the prediction."""
    torch.manual_seed(0)
    network = networks.build("dynunet", channels=(4, 8, 8, 8), deep_supervision=2)
    image = torch.rand(2, 1, 16, 16)
    outputs = network.train()(image)
    assert [tuple(one.shape) for one in outputs] == [(2, 1, 16, 16)] * 3
    torch.testing.assert_close(outputs[0], network.eval()(image))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("unett", {}, "unknown network 'unett'; did you mean 'unet'"),
        ("unet", {"chanels": [4, 8]}, "no parameter 'chanels'; did you mean 'channels'"),
        ("unet", {"channels": 8}, "channels = 8; a value like"),
        ("unet", {"channels": [4, "a"]}, "channels = "),
        ("unet", {"channels": [0, 8]}, r"channels = \[0, 8\]; a value like"),
        ("unet", {"channels": [4]}, "at least two positive"),
        ("unet", {"norm": "layer"}, "norm must be"),
        ("dynunet", {"deep_supervision": 5}, "0 to 1 with 3 levels"),
        ("segresnet", {"filters": 12}, "multiple of 8"),
        ("segresnet", {"blocks_up": [1]}, "one shorter"),
    ],
)
def test_a_wrong_name_or_value_is_told_with_what_is_right(name, params, message):
    """One line with the name, the value, and what there is instead."""
    with pytest.raises(UserError, match=message):
        networks.build(name, **params)


def test_settings_leave_nothing_to_a_default():
    """So that a record says which network it is; "none" is the null of TOML."""
    card = NETWORKS.load("unet")
    assert card.settings({"norm": "none"}) == {
        "channels": [16, 32, 64],
        "residual_units": 0,
        "norm": None,
    }
    assert card.settings({})["norm"] == "instance"


def test_a_network_of_the_wrong_size_is_refused():
    """Fewer classes than asked for would be scored as if they were all."""
    card = Architecture(
        "narrow",
        "Narrow",
        lambda *, ndim, in_channels, out_channels: torch.nn.Conv2d(in_channels, 1, 1),
        ndims=(2,),
    )
    with pytest.raises(UserError, match=r"returns logits of shape \(2, 1, 8, 8\)"):
        card.output_shape((1, 8, 8), 3, {})
    with pytest.raises(UserError, match="takes 2D images, not 3D"):
        card.output_shape((1, 8, 8, 8), 3, {})
