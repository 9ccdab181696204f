"""nnU-Net on tiny data sets, one process, no graphics card."""

import importlib.util
import os

import torch

# read when nnU-Net is first imported; 0 crashes its planning
for name in ("nnUNet_n_proc_DA", "nnUNet_def_n_proc"):
    os.environ[name] = "1"


def _torchvision():
    """Let nnU-Net import torchvision for CUDA beside torch for the CPU, as the index has them.

    Its operators cannot be registered there; nnU-Net imports it with every trainer and calls none.
    """
    schema = "(Tensor dets, Tensor scores, float threshold) -> Tensor"
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", schema)


if importlib.util.find_spec("nnunetv2") and torch.version.cuda is None:
    _torchvision()
