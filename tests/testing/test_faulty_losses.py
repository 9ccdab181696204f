"""Each check of a loss finds the fault it is there for."""

from dataclasses import replace

import pytest
import torch

from topoeval.losses import DiceLoss, MSELoss
from topoeval.testing import check_loss


class Good(DiceLoss):
    """What the faulty ones are made from."""


class PoolsTheBatch(Good):
    def per_class(self, input, target, prepared=None):
        parts = super().per_class(input, target)["dice"].mean(0, keepdim=True)
        return {"dice": parts.expand(len(input), -1) ** 2}


class ForgetsTheTarget(Good):
    def per_class(self, input, target, prepared=None):
        self.maps(input, target)
        return super().per_class(input, torch.zeros_like(target))


class AddsTheChannels(Good):
    def per_class(self, input, target, prepared=None):
        p, t = self.maps(input, target)
        merged = p.sum(1, keepdim=True) / 2, t.sum(1, keepdim=True) / 2
        return MSELoss().per_class(*merged)


class DividesByTheMask(Good):
    def per_class(self, input, target, prepared=None):
        p, t = self.maps(input, target)
        return {"recall": 1 - (p * t).flatten(2).sum(2) / t.flatten(2).sum(2)}


class CutsTheGradient(Good):
    def per_class(self, input, target, prepared=None):
        return super().per_class(0.5 * input + 0.5 * input.detach(), target)


class DrawsAtRandom(Good):
    def per_class(self, input, target, prepared=None):
        return {"dice": super().per_class(input, target)["dice"] * torch.rand(1)}


class WritesToItsInput(Good):
    def per_class(self, input, target, prepared=None):
        value = super().per_class(input, target)
        target.clamp_(0.1, 0.9)
        return value


class ComputesInHalfPrecision(Good):
    def per_class(self, input, target, prepared=None):
        return {"dice": super().per_class(input, target)["dice"].to(input.dtype)}


class ReadsMemoryInOrder(Good):
    def per_class(self, input, target, prepared=None):
        flat = input.as_strided(target.shape, target.contiguous().stride())
        return super().per_class(flat, target)


class ReadsMemoryInOrderIfAlone(Good):
    """A batch of one may reach numpy as it lies; a batch of three is copied on the way."""

    def per_class(self, input, target, prepared=None):
        if len(input) == 1:
            p, g = (x.permute(_by_stride(x)) for x in (input, target))
            weights = torch.arange(p.numel(), dtype=p.dtype).reshape(p.shape)
            return {"dice": ((p - g).abs() * weights).sum().expand(1, 1)}
        return super().per_class(input, target)


def _by_stride(x):
    return sorted(range(x.ndim), key=lambda axis: -x.stride(axis))


class IsFiniteForNaN(Good):
    def parts(self, input, target, prepared=None):
        return super().parts(input.nan_to_num(), target)


class RaisesForNaN(Good):
    def parts(self, input, target, prepared=None):
        if input.isnan().any():
            raise ValueError("NaN")
        return super().parts(input, target)


class DividesByTheBatch(Good):
    def forward(self, input, target, prepared=None):
        return self.parts(input, target)["dice"].sum() / input.shape[0] / input.shape[1]


class RefusesRounding(Good):
    def parts(self, input, target, prepared=None):
        if input.max() > 1:
            raise ValueError("outside")
        return super().parts(input, target)


class LosesTheGradientOfRounding(Good):
    def parts(self, input, target, prepared=None):
        return super().parts(input.clamp(0, 1), target)


class PromisesOneGraph(Good):
    info = replace(DiceLoss.info, fullgraph=True)

    def per_class(self, input, target, prepared=None):
        if float(input.detach().sum()) > 1e9:
            raise ValueError("too bright")
        return super().per_class(input, target)


class HidesItsSecondDerivative(Good):
    def per_class(self, input, target, prepared=None):
        value = super().per_class(input, target)["dice"]
        return {"dice": value * value.detach() + (value.square() - value * value.detach()).detach()}


class PrintsAnother(Good):
    def __repr__(self):
        return "PrintsAnother(squared_pred=True)" if not self.squared_pred else "PrintsAnother()"


class TakesAnything(Good):
    def checked(self, input, target):
        return target.float().expand(input.shape)

    def maps(self, input, target):
        return input.float(), target


class PromisesTooMuch(Good):
    info = replace(DiceLoss.info, minimum=0.5)


class MixesUpPreparedTargets(Good):
    def prepare(self, target):
        return target

    def per_class(self, input, target, prepared=None):
        return super().per_class(input, target if prepared is None else prepared.flip(0))


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
        (ReadsMemoryInOrder, "memory layout"),
        (ReadsMemoryInOrderIfAlone, "memory layout"),
        (IsFiniteForNaN, "not finite"),
        (RaisesForNaN, "not finite"),
        (DividesByTheBatch, "empty batch"),
        (RefusesRounding, "rounding is tolerated"),
        (LosesTheGradientOfRounding, "rounding is tolerated"),
        (PromisesOneGraph, "fullgraph"),
        (HidesItsSecondDerivative, "double backward"),
        (PrintsAnother, "repr"),
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
