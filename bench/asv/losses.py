"""Losses forward and backward, the topological ones beside the plain ones on the same batch."""

from .common import DEVICES, Timed, part, skip_without, tensor
from .images import images

SHAPES = {"8x1x128x128": (8, 128, 128), "1x1x48x48x48": (1, 48, 48, 48)}
LOSSES = (
    "betti_matching",
    "betti_prior",
    "boundary",
    "cldice",
    "cross_entropy",
    "dice",
    "mse",
    "sparse_betti_matching",
    "supervoxel",
)


class ForwardBackward(Timed):
    """One evaluation with its gradient."""

    params = (list(LOSSES), list(SHAPES), list(DEVICES))
    param_names = ("loss", "shape", "device")

    def setup(self, loss, shape, device):
        """Make logits and a target; skip a loss that this commit does not have."""
        skip_without(device)
        losses = part("losses", "LOSSES")
        if loss not in losses:
            raise NotImplementedError
        import torch

        probabilities = tensor(images("probability", SHAPES[shape]), device)[:, None]
        logits = torch.logit(probabilities, eps=1e-4).requires_grad_()
        target = (probabilities > 0.5).float()
        kind = losses.load(loss)
        parameters = {}
        if kind.info.needs_prior:
            parameters["prior"] = (1,) + (0,) * (logits.ndim - 3)
        if _takes_probabilities(kind.info):
            parameters["sigmoid"] = True
        criterion = kind(**parameters)
        arguments = (logits, target) if kind.info.needs_target else (logits,)

        def evaluate():
            logits.grad = None
            criterion(*arguments).backward()
            if device == "cuda":
                torch.cuda.synchronize()

        self.run = evaluate

    def time_forward_backward(self, *_):
        """CPU time."""
        self.run()

    def peakmem_forward_backward(self, *_):
        """Peak memory of the process, of the host also where a GPU computes."""
        self.run()


def _takes_probabilities(info):
    """Whether a loss must be told that it gets logits; early cards do not say what they take."""
    return getattr(info, "input", "logits" if info.needs_target else "probabilities") != "logits"
