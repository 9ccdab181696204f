"""What persistence and the losses cost on a GPU, checked there first: one command, 8 minutes.

    python bench/gpu.py                      # or: tox -e gpu
    python bench/gpu.py --device cpu --quick # a dry run, printed and not kept

Right first: on the device, backend `torch` answers the bars of `native`, and 20 times the same.
Then wall times of whole calls, transfers included, medians, engines interleaved: persistence by
`torch`, by `native` with one thread and with all cores, by `cripser` where it is installed; a
training step with and without the Betti prior; each loss. Memory is what the allocator counts
beyond the inputs. What is not measured in time is a record that says so.
"""

import argparse
import itertools
import json
import os
import signal
import statistics
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch

from topoeval import Topology, losses, metrics
from topoeval.harness import environment
from topoeval.persistence import BACKENDS, compute
from topoeval.persistence.backends.native import Native
from topoeval.persistence.backends.torch import Torch

sys.path.insert(0, str(Path(__file__).parent / "micro"))
from losses import REQUIRED, inputs

ROOT = Path(__file__).parents[1]
SHAPES = {
    "32x1x128x128": (32, 1, 128, 128),
    "8x1x512x512": (8, 1, 512, 512),
    "2x1x64x64x64": (2, 1, 64, 64, 64),
}
QUICK = {"2x1x24x24": (2, 1, 24, 24), "1x1x8x8x8": (1, 1, 8, 8, 8)}
CHANNELS = (32, 64, 128, 256)


class OutOfTimeError(Exception):
    """A measurement took longer than it was given."""


class Bench:
    """The device, what time is left, and the records so far."""

    def __init__(self, device, seconds, repeats):
        self.device = torch.device(device)
        self.end = time.monotonic() + seconds
        self.repeats = repeats
        self.records = []

    def record(self, what, **figures):
        """Keep a record and print it."""
        self.records.append({"what": what, **figures})
        print(json.dumps(self.records[-1]), flush=True)

    def measure(self, work, seconds, what, **names):
        """Keep what `work` returns, a record or several; what goes wrong in it is a record too."""
        seconds = min(seconds, self.end - time.monotonic())
        try:
            if seconds <= 0:
                raise OutOfTimeError
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                found = work()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for figures in found if isinstance(found, list) else [found]:
                self.record(what, **names, **figures)
        except OutOfTimeError:
            self.record(what, **names, problem=f"not done within {max(seconds, 0):.0f} s")
        except Exception as error:  # one failure is a record, and the next is measured
            self.record(what, **names, problem=f"{type(error).__name__}: {error}".splitlines()[0])

    def synchronize(self):
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def interleaved(self, calls):
        """Return the median and least milliseconds of each call, called in turn."""
        times = {name: [] for name in calls}
        for repeat in range(self.repeats + 1):
            for name, call in calls.items():
                self.synchronize()
                start = time.perf_counter()
                call()
                self.synchronize()
                if repeat:  # the first warms caches and allocators
                    times[name].append(1e3 * (time.perf_counter() - start))
        return {
            name: {"median_ms": statistics.median(taken), "least_ms": min(taken)}
            for name, taken in times.items()
        }

    def peak_bytes(self, call):
        """Return the most that `call` had allocated at once on a GPU; None elsewhere."""
        if self.device.type != "cuda":
            return None
        self.synchronize()
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        call()
        self.synchronize()
        return torch.cuda.max_memory_allocated(self.device) - before


def _out_of_time(*_):
    raise OutOfTimeError


def maps(shape, kind):
    """Return float32 ``(B, 1, *spatial)``: what a network answers, or uniform noise."""
    if kind == "noise":
        return torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))
    return inputs(shape)[0].detach().sigmoid()


def dims_of(shape):
    """Return what is asked for: both dimensions in 2D; in 3D without and with the hand-over."""
    return [(0, 1)] if len(shape) == 4 else [(0, 2), (0, 1, 2)]


def check_bars(bench, shapes):
    """Record whether the bars on the device are those of the native engine, each time."""
    for (name, shape), construction in itertools.product(shapes.items(), "VT"):
        work = partial(_check, bench, shape, Topology(construction))
        bench.measure(work, 60, "correctness", shape=name, construction=construction)


def _check(bench, shape, topology):
    ndim = len(shape) - 2
    x = maps(shape, "probability")
    expected = compute(x, topology, backend="native", spatial_dims=ndim).multiset()
    on_device = x.to(bench.device)
    found = compute(on_device, topology, backend="torch", spatial_dims=ndim).multiset()
    images, dims = on_device.flatten(0, 1), dims_of(shape)[-1]
    first, *others = (Torch().compute_tensor(images, topology, dims) for _ in range(20))
    return {
        "bars": len(expected),
        "same_bars_as_native": found == expected,
        "same_table_20_times": all(torch.equal(other, first) for other in others),
    }


def time_persistence(bench, shapes):
    """Record time and memory of whole calls from maps on the device to bars on the device."""
    cores = len(os.sched_getaffinity(0))
    engines = {
        ("torch", None): "torch",
        ("native", 1): Native(threads=1),
        ("native", cores): Native(threads=cores),
    }
    if "cripser" in BACKENDS.available():
        engines["cripser", None] = "cripser"
    for (name, shape), kind in itertools.product(shapes.items(), ("probability", "noise")):
        for dims in dims_of(shape):
            x = maps(shape, kind).to(bench.device)
            work = {key: _persistence(x, backend, dims) for key, backend in engines.items()}
            ours, names = work["torch", None], {"shape": name, "images": kind, "dims": dims}
            bench.measure(partial(_times, bench, work), 40, "persistence", **names)
            bench.measure(partial(_bytes_a_voxel, bench, ours, x), 20, "memory", **names)
            bench.measure(partial(_profile, ours), 20, "profile", **names)


def _times(bench, work):
    return [
        {"engine": engine, "threads": threads, **times}
        for (engine, threads), times in bench.interleaved(work).items()
    ]


def _bytes_a_voxel(bench, call, x):
    peak = bench.peak_bytes(call)
    return {"bytes_a_voxel": None if peak is None else peak / x.numel()}


def _persistence(x, backend, dims):
    return lambda: compute(x, Topology(), dims, backend, spatial_dims=x.ndim - 2)


def _profile(call):
    """Return the operations that take most: name, how often, milliseconds."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiled:
        call()
    own = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    averages = sorted(profiled.key_averages(), key=lambda row: -getattr(row, own))
    most = [[row.key, row.count, getattr(row, own) / 1e3] for row in averages[:10]]
    return {"operations": most}


def time_step(bench, shape):
    """Record a training step of a U-Net with Dice, and with Dice and the Betti prior."""
    name = "x".join(map(str, shape))
    bench.measure(partial(_steps, bench, shape), 60, "training step", shape=name)


def _steps(bench, shape):
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    network = UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=CHANNELS,
        strides=(2,) * (len(CHANNELS) - 1),
        num_res_units=2,
    ).to(bench.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    dice = losses.DiceLoss(sigmoid=True)
    prior = losses.BettiPriorLoss((1, 0), sigmoid=True, backend="torch")
    batch, masks = (tensor.detach().to(bench.device) for tensor in inputs(shape))

    def step(topological):
        logits = network(batch)
        loss = dice(logits, masks)
        if topological:
            loss = loss + 0.1 * prior(logits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    times = bench.interleaved({key: partial(step, key) for key in (False, True)})
    plain, full = (times[key]["median_ms"] for key in (False, True))
    figures = {"dice_ms": plain, "with_prior_ms": full, "added": full / plain - 1}
    return {"base_channels": CHANNELS[0], **figures}


def time_losses(bench, shapes):
    """Record time and memory of each loss, forward and backward, targets prepared once."""
    for loss, (name, shape) in itertools.product(losses.LOSSES.available(), shapes.items()):
        if len(shape) - 2 in losses.LOSSES.load(loss).info.ndims:
            bench.measure(partial(_loss, bench, loss, shape), 20, "loss", loss=loss, shape=name)


def _loss(bench, name, shape):
    call = _loss_call(losses.LOSSES.load(name), name, shape, bench.device)
    return {**bench.interleaved({name: call})[name], "peak_bytes": bench.peak_bytes(call)}


def _loss_call(factory, name, shape, device):
    logits, masks = (tensor.detach().to(device) for tensor in inputs(shape))
    logits.requires_grad_()
    arguments = dict(REQUIRED.get(name, lambda ndim: {})(len(shape) - 2))
    if factory.info.input == "probabilities":
        arguments["sigmoid"] = True
    loss = factory(**arguments)
    if factory.info.needs_prior:
        numbers = metrics.betti_numbers(masks[:, 0].cpu() > 0, Topology(), len(shape) - 2)
        prior = torch.as_tensor(numbers, device=device)
        answer = partial(loss, logits, prior=prior)
    else:
        prepared = loss.prepare(masks) if hasattr(loss, "prepare") else None
        answer = partial(loss, logits, masks, prepared)

    def call():
        logits.grad = None
        answer().backward()

    return call


def main(arguments=None):
    """Check, measure, and keep the records of a GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny images, two repeats")
    parser.add_argument("--minutes", type=float, default=8.0, help="in all")
    parser.add_argument("--out", type=Path, help="folder of the records; results/gpu for a GPU")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here that torch can use; a dry run: --device cpu --quick", file=sys.stderr)
        return 2
    signal.signal(signal.SIGALRM, _out_of_time)
    shapes = QUICK if options.quick else SHAPES
    bench = Bench(options.device, 60 * options.minutes, 2 if options.quick else 15)
    check_bars(bench, shapes)
    time_persistence(bench, shapes)
    time_step(bench, next(iter(shapes.values())))
    time_losses(bench, shapes)
    out = options.out or (ROOT / "results" / "gpu" if bench.device.type == "cuda" else None)
    if out is not None:
        keep(bench, out, options.quick)
    checked = [record for record in bench.records if record["what"] == "correctness"]
    right = all(r.get("same_bars_as_native") and r.get("same_table_20_times") for r in checked)
    return 0 if right else 1


def keep(bench, out, quick):
    """Write the records of this run, and on what it ran, to a file of its own."""
    fingerprint = environment.describe(bench.device.type, torch.get_num_threads(), "torch")
    written = datetime.now(UTC)
    content = {
        "schema": 1,
        "written": written.isoformat(timespec="seconds"),
        "quick": quick,
        "environment": fingerprint,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "records": bench.records,
    }
    device = (fingerprint["gpu"] or bench.device.type).lower().replace(" ", "-")
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{device}-{written:%Y%m%dT%H%M%S}.json"
    unfinished = path.with_suffix(".partial")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    print(path)


if __name__ == "__main__":
    sys.exit(main())
