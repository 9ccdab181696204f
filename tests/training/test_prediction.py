"""Predictions in windows."""

import torch
from torch import nn

from topoeval.training import Window, predict


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
