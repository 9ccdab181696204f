"""SCNP: the neighbours of the same class have their say."""

import pytest
import torch

from topoeval import UserError
from topoeval.losses import DiceCrossEntropyLoss, SCNPLoss
from topoeval.testing.loss_subject import as_classes


def by_hand(logits, target, reach):
    """Least over foreground neighbours, greatest over background ones; loops."""
    result = logits.clone()
    for at in torch.cartesian_prod(*map(torch.arange, logits.shape[2:])).tolist():
        window = tuple(slice(max(i - reach, 0), i + reach + 1) for i in at)
        for image in range(logits.shape[0]):
            for channel in range(logits.shape[1]):
                z, y = logits[image, channel], target[image, channel]
                same = z[window][y[window] == y[tuple(at)]]
                value = same.min() if y[tuple(at)] else same.max()
                result[(image, channel, *at)] = value
    return result


@pytest.mark.parametrize("shape", [(2, 1, 6, 7), (1, 3, 5, 5), (2, 1, 4, 5, 3)])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_each_voxel_takes_its_worst_neighbour_of_the_same_class(shape, size):
    """Against the definition in loops."""
    torch.manual_seed(size)
    logits, target = torch.randn(shape), (torch.rand(shape) > 0.5).float()
    penalised = SCNPLoss(size=size).penalised(logits, target)
    torch.testing.assert_close(penalised, by_hand(logits, target, size // 2), rtol=0, atol=0)


def test_the_loss_is_that_of_the_penalised_logits():
    """Dice + cross-entropy of them, and on wish of the plain ones too."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, 2, 8, 8), as_classes((torch.rand(2, 2, 8, 8) > 0.5).float())
    base = DiceCrossEntropyLoss()
    penalised = base(SCNPLoss().penalised(logits, target), target)
    torch.testing.assert_close(SCNPLoss()(logits, target), penalised)
    both = SCNPLoss(with_plain=True)(logits, target)
    torch.testing.assert_close(both, penalised + base(logits, target))


def test_a_neighbourhood_has_a_middle():
    """An even side is refused."""
    with pytest.raises(UserError, match="odd, got 4"):
        SCNPLoss(size=4)
