"""The loss of this method that topoeval does not have."""

from topoeval.losses import LOSSES, LossInfo, TargetLoss


@LOSSES.register("doubt")
class DoubtLoss(TargetLoss):
    """The mean of p (1 - p): how far the probabilities are from 0 and 1."""

    info = LossInfo(
        name="doubt",
        title="Doubt",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        citation="none",
    )

    def parts(self, input, target, prepared=None):
        """Return the term, ``(B, C)``."""
        probabilities, _ = self.maps(input, target)
        return {"doubt": (probabilities * (1 - probabilities)).flatten(2).mean(2)}
