"""Predictions in windows, and how much is in memory for them."""

import pytest
import torch
from torch import nn

from topoeval import networks
from topoeval.training import Views, Window, predict


class Local(nn.Module):
    """Looks at each voxel by itself."""

    def forward(self, images):
        return 3 * images - 1


def test_windows_of_a_local_network_give_what_the_whole_image_gives():
    """Images larger and smaller than a window, 2D and 3D; blending changes nothing."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((2, 1, 40, 24), (2, 1, 8, 12), (1, 1, 20, 12, 12)):
        images = torch.rand(shape, generator=generator)
        whole = predict(Local(), images)
        pieces = predict(Local(), images, window=Window(16, 0.25))
        assert pieces.shape == whole.shape
        torch.testing.assert_close(pieces, whole)


def test_a_window_is_all_that_a_network_sees():
    """The network gets pieces of the size that was asked for, and no others."""
    seen = []

    class Looking(Local):
        def forward(self, images):
            seen.append(tuple(images.shape[2:]))
            return super().forward(images)

    predict(Looking(), torch.rand(1, 1, 40, 24), window=Window(16))
    assert set(seen) == {(16, 16)}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("views", [Views(flips=True), Views(shifts=True), Views(True, True)])
def test_views_count_as_images_of_a_batch_and_change_no_digit(monkeypatch, ndim, views):
    """Whatever the batch, maps are equal bit by bit; memory is that of as many plain images.

    Sides of 8, since torch's sigmoid rounds otherwise in the last numbers of other sizes.
    """
    of, held, seen = Views.of, [], []

    def counted(self, images):
        found = of(self, images)
        held.append(len(found))
        return found

    class Looking(Local):
        def forward(self, images):
            seen.append(len(images))
            return super().forward(images - 0.5 * images.roll(1, -1))

    monkeypatch.setattr(Views, "of", counted)
    images = torch.rand((11, 1, *([8] * ndim)), generator=torch.Generator().manual_seed(ndim))
    count, network = views.count(ndim), Looking()
    # all at once, as it would be with any memory
    expected = predict(network, images, 11 * count, views=views)
    assert held == [11 * count]
    for batch_size in (1, 3, count, 2 * count + 1, 64):
        held.clear()
        seen.clear()
        found = predict(network, images, batch_size, views=views)
        assert torch.equal(found, expected)
        assert max(held) == max(1, min(11, batch_size // count)) * count
        assert sum(held) == 11 * count
        assert max(seen) <= batch_size


def test_views_of_a_network_with_convolutions_are_the_same_in_small_batches():
    """Of a U-Net, whose library takes another way for some sizes of a batch."""
    torch.manual_seed(0)
    network = networks.build("unet", ndim=2, in_channels=1, out_channels=1, channels=[4, 8])
    images = torch.rand(13, 1, 16, 16)
    for views in (Views(flips=True), Views(shifts=True), Views(True, True)):
        whole = predict(network, images, 13 * views.count(2), views=views)
        for batch_size in (1, 7, 20, 64):
            found = predict(network, images, batch_size, views=views)
            torch.testing.assert_close(found, whole, atol=1e-6, rtol=0)
