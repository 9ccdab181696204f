"""Supervoxel: which mistakes are critical, by hand and by counting components."""

import numpy as np
import pytest
import torch
from scipy.ndimage import generate_binary_structure, label
from torch.nn import functional as F

from topoeval import Topology, UserError
from topoeval.losses import SupervoxelLoss
from topoeval.losses.supervoxel import critical_components


def mask(*rows):
    return np.array([[c == "#" for c in row] for row in rows])[None]


def test_by_hand():
    """A gap that splits is critical, a bite that does not is not, a missed object is."""
    truth = mask("#######", ".......", "###..##", "###....", "###....")
    found = mask("###.###", ".......", "##.....", "###....", "###....")
    critical = critical_components(truth & ~found, truth & found, Topology("V"))
    assert np.argwhere(critical[0]).tolist() == [[0, 3], [2, 5], [2, 6]]


def test_images_of_a_batch_do_not_touch():
    """A piece of one image does not hold another's mistake."""
    mistakes = np.concatenate([mask("..", ".."), mask("##", "..")])
    correct = np.concatenate([mask("##", "##"), mask("..", "..")])
    assert critical_components(mistakes, correct, Topology())[1].sum() == 2


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(12, 11), (6, 5, 7)])
def test_a_component_is_uncritical_if_it_touches_one_piece(shape, construction):
    """Against labels of the correct part with each component filled in, one by one."""
    rng = np.random.default_rng(0)
    topology = Topology(construction)
    structure = generate_binary_structure(len(shape), 1 if construction == "V" else len(shape))
    for _ in range(20):
        kind = rng.choice(3, shape, p=[0.45, 0.25, 0.3])
        mistakes, correct = kind == 1, kind == 2
        critical = critical_components(mistakes[None], correct[None], topology)[0]
        parts, n_parts = label(mistakes, structure)
        _, n_pieces = label(correct, structure)
        for part in range(1, n_parts + 1):
            # filling in a component that touches k pieces makes one of them
            _, filled = label(correct | (parts == part), structure)
            touched = n_pieces - filled + 1
            assert critical[parts == part].all() == critical[parts == part].any()
            assert critical[parts == part].any() == (touched != 1)


def test_value():
    """Plain cross-entropy with 1 - alpha, and alpha shared by beta on the critical voxels."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 9, 9), (torch.rand(2, 1, 9, 9) > 0.5).float()
    loss = SupervoxelLoss(alpha=0.6, beta=0.7)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    truth, found = target[:, 0].bool().numpy(), (logits > 0)[:, 0].numpy()
    split, merge = (
        torch.from_numpy(critical_components(wrong, truth & found, Topology()))[:, None]
        for wrong in (truth & ~found, found & ~truth)
    )
    expected = (0.4 * entropy + 0.6 * (0.7 * split + 0.3 * merge) * entropy).mean()
    torch.testing.assert_close(loss(logits, target), expected)


def test_weights_are_shares():
    """Beyond [0, 1] they are refused."""
    with pytest.raises(UserError, match=r"beta must lie in \[0, 1\], got 2"):
        SupervoxelLoss(beta=2)
