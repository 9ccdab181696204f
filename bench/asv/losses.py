"""The Betti prior, forward and backward, beside a plain loss on the same batch."""

import torch

from topoeval.losses import BettiPriorLoss, CrossEntropyLoss

from .images import images

SHAPES = {"8x1x128x128": (8, 128, 128), "1x1x48x48x48": (1, 48, 48, 48)}


class ForwardBackward:
    """One evaluation with its gradient."""

    params = (["betti_prior", "cross_entropy"], list(SHAPES))
    param_names = ("loss", "shape")

    def setup(self, loss, shape):
        """Make logits and a target."""
        torch.set_num_threads(1)
        probabilities = torch.from_numpy(images("probability", SHAPES[shape]))[:, None]
        self.logits = torch.logit(probabilities, eps=1e-4).requires_grad_()
        if loss == "betti_prior":
            prior = (1,) + (0,) * (self.logits.ndim - 3)
            criterion = BettiPriorLoss(prior, sigmoid=True)
            self.evaluate = lambda: criterion(self.logits)
        else:
            target = (probabilities > 0.5).float()
            self.evaluate = lambda: CrossEntropyLoss()(self.logits, target)

    def time_forward_backward(self, loss, shape):
        """Wall time."""
        self.evaluate().backward()
