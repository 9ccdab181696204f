"""BiCon: the formula written out voxel by voxel, for maps and for connectivity maps."""

import itertools

import numpy as np
import pytest
import torch

from topoeval import UserError
from topoeval.losses import BiconLoss
from topoeval.losses.bicon import bilateral_voting, connections


def entropy(p, t):
    with np.errstate(divide="ignore"):
        logs = [np.maximum(np.log(x), -100) for x in (p, 1 - p)]
    return -(t * logs[0] + (1 - t) * logs[1])


def slow(connected, mask, found=None):
    """Return the four terms of one image, and its votes; `connected` is ``(K, *spatial)``."""
    ndim = mask.ndim
    offsets = [o for o in itertools.product((-1, 0, 1), repeat=ndim) if any(o)]
    wanted, votes = np.zeros(connected.shape), np.zeros(connected.shape)
    for x in np.ndindex(mask.shape):
        for i, offset in enumerate(offsets):
            y = tuple(np.add(x, offset))
            if all(0 <= at < side for at, side in zip(y, mask.shape, strict=True)):
                wanted[(i, *x)] = mask[x] * mask[y]
                opposite = offsets.index(tuple(-step for step in offset))
                votes[(i, *x)] = connected[(i, *x)] * connected[(opposite, *y)]
    found = votes.max(0) if found is None else found
    number = wanted.sum(0)
    least = np.where((number > 0) & (number < len(offsets)), votes.min(0), 0)
    terms = (
        entropy(found, mask).mean(),
        0.8 * entropy(connected, wanted).mean(),
        0.2 * entropy(votes, wanted).mean(),
        entropy(least, 0).mean(),
    )
    return terms, votes


NAMES = ("voxels", "connections", "votes", "edges")


def case(ndim, channels=2):
    rng = np.random.default_rng(ndim)
    shape = (2, channels, 5, 6) if ndim == 2 else (2, channels, 3, 4, 3)
    return rng, rng.random(shape), (rng.random(shape) > 0.3).astype(float)


@pytest.mark.parametrize("ndim", [2, 3])
def test_maps_voxel_by_voxel(ndim):
    """Each image and channel by itself; connections are products of neighbours."""
    _, p, masks = case(ndim)
    parts = BiconLoss().parts(torch.from_numpy(p), torch.from_numpy(masks))
    for at in np.ndindex(2, 2):
        connected = connections(torch.from_numpy(p))[at].numpy()
        expected, _ = slow(connected, masks[at], p[at])
        assert [parts[name][at].item() for name in NAMES] == pytest.approx(list(expected))


@pytest.mark.parametrize("ndim", [2, 3])
def test_connectivity_maps_voxel_by_voxel(ndim):
    """As the paper's network returns them, with several classes and without the background."""
    rng, _, masks = case(ndim)
    neighbours = 3**ndim - 1
    maps = rng.random((2, 2 * neighbours, *masks.shape[2:]))
    tensors = torch.from_numpy(maps), torch.from_numpy(masks)
    parts = BiconLoss(reading="connectivity").parts(*tensors)
    voted = bilateral_voting(tensors[0])
    for b, c in np.ndindex(2, 2):
        own = maps[b, c * neighbours : (c + 1) * neighbours]
        expected, votes = slow(own, masks[b, c])
        assert [parts[name][b, c].item() for name in NAMES] == pytest.approx(list(expected))
        np.testing.assert_allclose(voted[b, c], votes.max(0))
    foreground = BiconLoss(reading="connectivity", include_background=False)
    for name, part in foreground.parts(*tensors).items():
        torch.testing.assert_close(part, parts[name][:, 1:])


def test_connections_of_a_mask():
    """A row of two voxels: each is connected with the other and with nothing else."""
    mask = torch.tensor([[[[0.0, 1.0, 1.0]]]])
    found = connections(mask)[0, 0, :, 0]
    offsets = [o for o in itertools.product((-1, 0, 1), repeat=2) if any(o)]
    right, left = offsets.index((0, 1)), offsets.index((0, -1))
    assert found.nonzero().tolist() == sorted([[right, 1], [left, 2]])


@pytest.mark.parametrize("reading", ["voxels", "connectivity"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_gradcheck(ndim, reading):
    """Away from equal votes."""
    rng, _, masks = case(ndim, 1)
    channels = 3**ndim - 1 if reading == "connectivity" else 1
    logits = torch.from_numpy(rng.normal(size=(2, channels, *masks.shape[2:]))).requires_grad_()
    loss = BiconLoss(reading=reading, sigmoid=True)
    assert torch.autograd.gradcheck(lambda z: loss(z, torch.from_numpy(masks)), logits)


def test_a_network_with_eight_channels_learns_a_mask():
    """One layer on the image itself, trained by the loss alone; its votes are the mask."""
    torch.manual_seed(0)
    mask = torch.zeros(1, 1, 12, 12)
    mask[..., 3:9, 2:7] = 1
    images = mask + 0.1 * torch.randn(mask.shape)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, padding=1)
    )
    loss = BiconLoss(reading="connectivity", sigmoid=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(80):
        optimiser.zero_grad()
        loss(network(images), mask).backward()
        optimiser.step()
    found = bilateral_voting(network(images).sigmoid()) >= 0.5
    assert torch.equal(found, mask > 0)


def test_what_cannot_be_read_is_refused():
    """In one line: settings, and channels that are not K for each class."""
    with pytest.raises(UserError, match="'voxels' or 'connectivity', got 'pixels'"):
        BiconLoss(reading="pixels")
    with pytest.raises(UserError, match="use sigmoid=True in place of softmax"):
        BiconLoss(reading="connectivity", softmax=True)
    masks = torch.zeros(1, 1, 4, 4)
    for channels in (1, 7, 16):
        with pytest.raises(UserError, match="8 channels for each channel of the target"):
            BiconLoss(reading="connectivity")(torch.rand(1, channels, 4, 4), masks)
    for shape in ((1, 7, 4, 4), (1, 8, 4, 4, 4), (1, 0, 4, 4), (8, 4, 4)):
        with pytest.raises(UserError, match="connectivity maps are"):
            bilateral_voting(torch.rand(shape))
