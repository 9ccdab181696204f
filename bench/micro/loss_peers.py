"""Other people's losses, as `losses.py` measures them beside ours.

Each is a function of logits and masks, made by a function of the number of spatial dimensions,
which answers None where the peer does not take such images. What a peer computes of the
targets it computes at every call, as its users do. A peer whose package is not installed is
left out by name: `pip install monai topolosses exacta opencv-python-headless`.
"""

import importlib
import importlib.util
import types
import warnings
from functools import partial
from pathlib import Path


def monai(name, ndim, **arguments):
    """Return a loss of MONAI, of the sigmoid of logits."""
    import monai.losses

    # its focal loss takes logits alone, and its soft clDice is shown probabilities
    own = {} if name in ("FocalLoss", "SoftclDiceLoss") else {"sigmoid": True}
    loss = getattr(monai.losses, name)(**arguments, **own)
    if name == "SoftclDiceLoss":
        return lambda logits, masks: loss(logits.sigmoid(), masks)
    return loss


def exacta(name, ndim, **arguments):
    """Return a loss of exacta, of one sigmoid per channel."""
    import exacta.losses

    made = getattr(exacta.losses, name)(activation="sigmoid", target_format="one-hot", **arguments)
    if name in ("BoundaryLoss", "HausdorffDTLoss"):
        return lambda logits, masks: made(logits, masks, spacing=(1.0,) * ndim)
    return made


def topolosses(path, name, ndim, *, flat=False, two=False, **arguments):
    """Return a loss of topolosses without its base loss, of the sigmoid of logits.

    It takes images alone if `flat`, and if `two` the background as a first channel. Its package
    imports all of its losses and what each of them needs; the modules on the path to this one are
    entered as empty packages instead.
    """
    import sys

    import topolosses as package

    if flat and ndim != 2:
        return None
    warnings.simplefilter("ignore")  # it warns at each call that there is no base loss
    for entered in ("losses", "losses.betti_matching", "losses.betti_matching.src", path):
        module = types.ModuleType(f"topolosses.{entered}")
        module.__path__ = [str(Path(package.__path__[0], *entered.split(".")))]
        sys.modules.setdefault(module.__name__, module)
    source = importlib.import_module(f"topolosses.{path}.{path.split('.')[1]}_loss")
    loss = getattr(source, name)(use_base_loss=False, alpha=1, **arguments)
    if not two:
        return lambda logits, masks: loss(logits.sigmoid(), masks)

    def of_two(logits, masks):
        import torch

        foreground = logits.sigmoid()
        return loss(torch.cat([1 - foreground, foreground], 1), torch.cat([1 - masks, masks], 1))

    return of_two


_ALL = {
    "betti_matching": {
        "topolosses BettiMatchingLoss": partial(
            topolosses, "losses.betti_matching.src", "BettiMatchingLoss", include_background=True
        ),
    },
    "boundary": {
        "exacta BoundaryLoss": partial(exacta, "BoundaryLoss", include_background=True),
    },
    "cldice": {
        "MONAI SoftclDiceLoss": partial(monai, "SoftclDiceLoss", iter_=3),
        "exacta SoftClDiceLoss": partial(
            exacta, "SoftClDiceLoss", iterations=3, include_background=True
        ),
        "topolosses CLDiceLoss": partial(
            topolosses,
            "losses.cldice.src",
            "CLDiceLoss",
            flat=True,
            iter_=3,
            include_background=True,
        ),
    },
    "dice": {
        "MONAI DiceLoss": partial(monai, "DiceLoss"),
        "exacta DiceLoss": partial(exacta, "DiceLoss"),
    },
    "dice_cross_entropy": {
        "MONAI DiceCELoss": partial(monai, "DiceCELoss"),
        "exacta DiceCELoss": partial(exacta, "DiceCELoss"),
    },
    "focal": {
        "MONAI FocalLoss": partial(monai, "FocalLoss"),
        "exacta FocalLoss": partial(exacta, "FocalLoss"),
    },
    "generalised_dice": {
        "MONAI GeneralizedDiceLoss": partial(monai, "GeneralizedDiceLoss"),
        "exacta GeneralizedDiceLoss": partial(exacta, "GeneralizedDiceLoss"),
    },
    "hausdorff_dt": {
        "MONAI HausdorffDTLoss": partial(monai, "HausdorffDTLoss", include_background=True),
        "exacta HausdorffDTLoss": partial(exacta, "HausdorffDTLoss", include_background=True),
    },
    "topograph": {
        "topolosses TopographLoss": partial(
            topolosses, "losses.topograph.src", "TopographLoss", flat=True, two=True
        ),
    },
    "topoloss": {
        "topolosses HutopoLoss": partial(
            topolosses, "losses.hutopo.src", "HutopoLoss", flat=True, include_background=True
        ),
    },
    "tversky": {
        "MONAI TverskyLoss": partial(monai, "TverskyLoss"),
        "exacta TverskyLoss": partial(exacta, "TverskyLoss"),
    },
    "warping": {
        "topolosses WarpingLoss": partial(
            topolosses, "losses.warping.src", "WarpingLoss", flat=True, two=True
        ),
    },
}
_NEEDS = {"topolosses WarpingLoss": ("topolosses", "cv2")}


def missing(peer):
    """Return the first package that a peer needs and that is not installed, or None."""
    for package in _NEEDS.get(peer, (peer.split()[0].lower(),)):
        if importlib.util.find_spec(package) is None:
            return package
    return None


PEERS = {
    loss: {peer: make for peer, make in peers.items() if missing(peer) is None}
    for loss, peers in _ALL.items()
}
LEFT_OUT = {peer: missing(peer) for peers in _ALL.values() for peer in peers if missing(peer)}
