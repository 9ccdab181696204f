"""Each check of a loss finds the fault it is there for."""

from dataclasses import replace

import pytest
import torch

from topoeval.losses import DiceLoss, MSELoss
from topoeval.testing import check_loss


class Good(DiceLoss):
    """What the faulty ones are made from."""


class PoolsTheBatch(Good):
    def parts(self, input, target, prepared=None):
        parts = super().parts(input, target)["dice"].mean(0, keepdim=True)
        return {"dice": parts.expand(len(input), -1) ** 2}


class ForgetsTheTarget(Good):
    def parts(self, input, target, prepared=None):
        self.maps(input, target)
        return super().parts(input, torch.zeros_like(target))


class AddsTheChannels(Good):
    def parts(self, input, target, prepared=None):
        p, t = self.maps(input, target)
        merged = p.sum(1, keepdim=True) / 2, t.sum(1, keepdim=True) / 2
        return MSELoss().parts(*merged)


class DividesByTheMask(Good):
    def parts(self, input, target, prepared=None):
        p, t = self.maps(input, target)
        return {"recall": 1 - (p * t).flatten(2).sum(2) / t.flatten(2).sum(2)}


class CutsTheGradient(Good):
    def parts(self, input, target, prepared=None):
        return super().parts(0.5 * input + 0.5 * input.detach(), target)


class DrawsAtRandom(Good):
    def parts(self, input, target, prepared=None):
        return {"dice": super().parts(input, target)["dice"] * torch.rand(1)}


class WritesToItsInput(Good):
    def parts(self, input, target, prepared=None):
        value = super().parts(input, target)
        target.clamp_(0.1, 0.9)
        return value


class ComputesInHalfPrecision(Good):
    def parts(self, input, target, prepared=None):
        return {"dice": super().parts(input, target)["dice"].to(input.dtype)}


class ReadsMemoryInOrder(Good):
    def parts(self, input, target, prepared=None):
        flat = input.as_strided(target.shape, target.contiguous().stride())
        return super().parts(flat, target)


class TakesAnything(Good):
    def maps(self, input, target):
        return input.float(), target.float().expand(input.shape)


class PromisesTooMuch(Good):
    info = replace(DiceLoss.info, minimum=0.5)


class MixesUpPreparedTargets(Good):
    def prepare(self, target):
        return target

    def parts(self, input, target, prepared=None):
        return super().parts(input, target if prepared is None else prepared.flip(0))


@pytest.mark.parametrize(
    ("loss", "finding"),
    [
        (PoolsTheBatch, "batch is the mean of its images"),
        (ForgetsTheTarget, "target matters"),
        (AddsTheChannels, "channels are told apart"),
        (DividesByTheMask, "degenerate input is finite"),
        (CutsTheGradient, "gradient is the derivative"),
        (DrawsAtRandom, "same answer twice"),
        (WritesToItsInput, "arguments are left alone"),
        (ComputesInHalfPrecision, "precisions"),
        (ReadsMemoryInOrder, "strides"),
        (TakesAnything, "bad input is refused"),
        (PromisesTooMuch, "minimum"),
        (MixesUpPreparedTargets, "prepared targets"),
    ],
)
def test_fault_is_found(loss, finding):
    """The check that is there for it fails."""
    failed = {result.name for result in check_loss(loss) if result.outcome == "failed"}
    assert finding in failed


def test_a_good_loss_has_no_findings():
    """Nothing fails without a fault."""
    assert not [result for result in check_loss(Good) if result.outcome == "failed"]
