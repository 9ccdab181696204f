"""Of what: images, dimensions, and the ways of backend `torch`."""

import contextlib
import os
import warnings

import numpy as np
import torch
from losses import inputs

from topoeval.persistence._parallel.choice import kernels_apply

SHAPES = {
    "32x1x128x128": (32, 1, 128, 128),
    "8x1x512x512": (8, 1, 512, 512),
    "2x1x64x64x64": (2, 1, 64, 64, 64),
}
QUICK = {"2x1x24x24": (2, 1, 24, 24), "1x1x8x8x8": (1, 1, 8, 8, 8)}
CORES = len(os.sched_getaffinity(0))


def maps(shape, kind):
    """Return float32 ``(B, 1, *spatial)``: a network's answers, noise, or noise of 4 values."""
    if kind == "probability":
        return inputs(shape)[0].detach().sigmoid()
    noise = torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))
    return noise if kind == "noise" else (4 * noise).floor() / 4


def dims_of(shape):
    """Return what is asked for: both dimensions in 2D; in 3D without and with the hand-over."""
    return [(0, 1)] if len(shape) == 4 else [(0, 2), (0, 1, 2)]


@contextlib.contextmanager
def triton(wanted):
    """Let backend `torch` use Triton kernels where it can, or not at all."""
    before = os.environ.pop("TOPOEVAL_TRITON", None)
    if not wanted:
        os.environ["TOPOEVAL_TRITON"] = "0"
    try:
        yield
    finally:
        os.environ.pop("TOPOEVAL_TRITON", None)
        if before is not None:
            os.environ["TOPOEVAL_TRITON"] = before


def ways(bench, ndim):
    """Return the ways of backend `torch` here: ``"torch"``, before it ``"triton"`` if it works."""
    with triton(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reason is a record
        works = kernels_apply(bench.device, 1, ndim)
    return ("triton", "torch") if works else ("torch",)
