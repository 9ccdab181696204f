"""What all benchmarks share: how long to measure, in what clock, and what a commit may lack."""

import importlib
import shutil
import time

DEVICES = ("cpu", "cuda")
# asv starts a process for each set of parameters; most need not import torch to be skipped
_NO_GPU = shutil.which("nvidia-smi") is None


class Timed:
    """Attributes that asv reads from a benchmark.

    CPU time, not wall time: neighbours on a shared machine delay a process but do not work in it.
    It is the same figure on a quiet one, since one thread runs (asv.conf.json), and on a GPU,
    where the process spins until the device is done.
    """

    timer = time.process_time
    sample_time = 0.02
    warmup_time = 0.05
    repeat = (5, 15, 1.5)
    timeout = 120


def part(module, name):
    """Return `topoeval.<module>.<name>`; a commit without it is skipped, as asv asks."""
    try:
        return getattr(importlib.import_module(f"topoeval.{module}"), name)
    except (ImportError, AttributeError):
        raise NotImplementedError from None


def skip_without(device):
    """Skip a device that this machine does not have."""
    if device == "cuda" and _NO_GPU:
        raise NotImplementedError


def tensor(array, device):
    """Return `array` as a tensor on `device`; one thread computes on it."""
    import torch

    torch.set_num_threads(1)
    return torch.from_numpy(array).to(device)
