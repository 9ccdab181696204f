"""What persistence and the losses cost on a GPU, checked there first: one command, 8 minutes.

    python bench/gpu.py                      # or: tox -e gpu
    python bench/gpu.py --device cpu --quick # a dry run, printed and not kept

Right first: on the device, backend `torch` answers the bars of `native`, 20 times the same table,
and with Triton kernels the very table that it answers without; Betti matching there is that of
`native`. Then wall times of whole calls, transfers included, medians, engines interleaved:
persistence by `torch` with and without Triton, by `native` with one thread and with all cores, by
`cripser` where it is installed; Betti matching on the device and by `native`; a training step with
and without the Betti prior; each loss. Memory is what the allocator counts beyond the inputs.
Threads are said here, whatever OMP_NUM_THREADS is. A time above its goal has its profile beside the
records. What is not measured in time is a record that says so.
"""

import argparse
import contextlib
import itertools
import json
import os
import signal
import statistics
import sys
import time
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch

from topoeval import Topology, losses, metrics
from topoeval.harness import environment
from topoeval.persistence import BACKENDS, compute, match
from topoeval.persistence._parallel.choice import kernels_apply
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
CORES = len(os.sched_getaffinity(0))
# Milliseconds of one call on probability maps that an H100 or H200 should not exceed.
GOALS_MS = {
    ("32x1x128x128", (0, 1)): {"triton": 3.0, "torch": 8.0},
    ("8x1x512x512", (0, 1)): {"triton": 5.0, "torch": 14.0},
    ("2x1x64x64x64", (0, 2)): {"triton": 4.0},
}
GOAL_ADDED = 0.10  # of a training step by the Betti prior


class OutOfTimeError(Exception):
    """A measurement took longer than it was given."""


class Bench:
    """The device, what time is left, and the records so far."""

    def __init__(self, device, seconds, repeats):
        self.device = torch.device(device)
        self.end = time.monotonic() + seconds
        self.repeats = repeats
        self.records = []
        self.profiles = {}

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

    def keep_profile(self, name, call):
        """Keep the table of a profile of `call`, to be written beside the records."""
        averages, own = _profiled(call)
        self.profiles[name] = averages.table(sort_by=own, row_limit=40, max_name_column_width=80)
        return name

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


def try_kernels(bench):
    """Record whether the Triton kernels compile and answer right here, and how long that takes."""
    for ndim in (2, 3):
        bench.measure(partial(_trial, bench, ndim), 120, "triton", ndim=ndim)


def _trial(bench, ndim):
    start = time.perf_counter()
    with triton(True), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        works = kernels_apply(bench.device, 1, ndim)
    reason = next((str(w.message) for w in caught if w.category is RuntimeWarning), None)
    if not works and reason is None:
        reason = "no GPU, or triton is not installed"
    return {
        "used": works,
        "seconds_of_trial": time.perf_counter() - start,
        "version": sys.modules["triton"].__version__ if works else None,
        "reason": reason,
    }


def check_bars(bench, shapes):
    """Record whether the bars on the device are those of the native engine, each time."""
    kinds = itertools.product(shapes.items(), "VT", ("probability", "noise", "tied"))
    for (name, shape), construction, kind in kinds:
        work = partial(_check, bench, shape, kind, Topology(construction))
        names = {"shape": name, "construction": construction, "images": kind}
        bench.measure(work, 60, "correctness", **names)


def _check(bench, shape, kind, topology):
    ndim = len(shape) - 2
    x = maps(shape, kind)
    native = Native(threads=CORES)
    expected = compute(x, topology, backend=native, spatial_dims=ndim).multiset()
    on_device = x.to(bench.device)
    engine = Torch(threads=CORES)
    images, dims = on_device.flatten(0, 1), dims_of(shape)[-1]
    same_bars, tables = {}, []
    for way in ways(bench, ndim):
        with triton(way == "triton"):
            found = compute(on_device, topology, backend=engine, spatial_dims=ndim).multiset()
            same_bars[way] = found == expected
            tables += [engine.compute_tensor(images, topology, dims) for _ in range(20)]
    return {
        "bars": len(expected),
        "ways": list(same_bars),
        "same_bars_as_native": all(same_bars.values()),
        "same_table_20_times": all(torch.equal(table, tables[0]) for table in tables),
    }


def check_matchings(bench, shapes):
    """Record whether 2D maps match masks on the device as by the native engine, and the times."""
    planes = {name: shape for name, shape in shapes.items() if len(shape) == 4}
    for (name, shape), construction in itertools.product(planes.items(), "VT"):
        work = partial(_matching, bench, shape, Topology(construction))
        bench.measure(work, 60, "matching", shape=name, construction=construction)


def _matching(bench, shape, topology):
    maps = [x.to(bench.device) for x in (inputs(shape)[0].detach().sigmoid(), inputs(shape)[1])]
    calls = {
        engine: partial(match, *maps, topology, spatial_dims=2, backend=engine, threads=CORES)
        for engine in ("torch", "native")
    }
    rows = {engine: _rows(call()) for engine, call in calls.items()}
    return {
        "rows": len(rows["native"]),
        "same_matching_as_native": rows["torch"] == rows["native"],
        "times": bench.interleaved(calls),
    }


def _rows(found):
    columns = (found.image, found.dim, found.p_birth, found.p_death, found.g_birth, found.g_death)
    return sorted(torch.stack(columns).T.tolist())


def time_persistence(bench, shapes):
    """Record time and memory of whole calls from maps on the device to bars on the device."""
    for (name, shape), kind in itertools.product(shapes.items(), ("probability", "noise")):
        ours = ways(bench, len(shape) - 2)
        engines = {(way, CORES): Torch(threads=CORES) for way in ours}
        engines |= {("native", n): Native(threads=n) for n in sorted({1, CORES})}
        if "cripser" in BACKENDS.available():
            engines["cripser", None] = "cripser"
        for dims in dims_of(shape):
            x = maps(shape, kind).to(bench.device)
            work = {key: _persistence(x, engine, dims, key[0]) for key, engine in engines.items()}
            names = {"shape": name, "images": kind, "dims": dims}
            bench.measure(partial(_times, bench, work, names), 40, "persistence", **names)
            for way in ours:
                call, named = work[way, CORES], {"engine": way, **names}
                bench.measure(partial(_bytes_a_voxel, bench, call, x), 20, "memory", **named)
                bench.measure(partial(_profile, call), 20, "profile", **named)


def _times(bench, work, names):
    rows = []
    for (engine, threads), times in bench.interleaved(work).items():
        goals = GOALS_MS.get((names["shape"], names["dims"]), {})
        goal = goals.get(engine) if names["images"] == "probability" else None
        rows.append({"engine": engine, "threads": threads, **times, "goal_ms": goal})
        if goal is not None and times["median_ms"] > goal:
            rows[-1]["profile"] = bench.keep_profile(
                f"{names['shape']}-{engine}", work[engine, threads]
            )
    return rows


def _bytes_a_voxel(bench, call, x):
    peak = bench.peak_bytes(call)
    return {"bytes_a_voxel": None if peak is None else peak / x.numel()}


def _persistence(x, engine, dims, way):
    def call():
        with triton(way == "triton"):
            return compute(x, Topology(), dims, engine, spatial_dims=x.ndim - 2)

    return call


def _profiled(call):
    """Return the averages of one call, and by which column they are to be read."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    call()
    with profile(activities=activities) as profiled:
        call()
    own = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    return profiled.key_averages(), own


def _profile(call):
    """Return the operations that take most: name, how often, milliseconds; and all launches."""
    averages, own = _profiled(call)
    launches = sum(row.count for row in averages if "LaunchKernel" in row.key)
    most = sorted(averages, key=lambda row: -getattr(row, own))[:10]
    operations = [[row.key, row.count, getattr(row, own) / 1e3] for row in most]
    return {"launches": launches, "operations": operations}


def time_step(bench, shape):
    """Record a training step of a U-Net with Dice, and with Dice and the Betti prior."""
    name = "x".join(map(str, shape))
    bench.measure(partial(_steps, bench, shape), 80, "training step", shape=name)


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

    def step(way):
        logits = network(batch)
        loss = dice(logits, masks)
        if way is not None:
            with triton(way == "triton"):
                loss = loss + 0.1 * prior(logits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    times = bench.interleaved({way: partial(step, way) for way in (None, *ways(bench, 2))})
    plain = times.pop(None)["median_ms"]
    rows = []
    for way, taken in times.items():
        added = taken["median_ms"] / plain - 1
        figures = {"dice_ms": plain, "with_prior_ms": taken["median_ms"], "added": added}
        rows.append({"base_channels": CHANNELS[0], "engine": way, **figures, "goal": GOAL_ADDED})
        if added > GOAL_ADDED:
            rows[-1]["profile"] = bench.keep_profile(f"step-{way}", partial(step, way))
    return rows


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
    parser.add_argument("--minutes", type=float, default=7.0, help="of measuring, in all")
    parser.add_argument("--out", type=Path, help="folder of the records; results/gpu for a GPU")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here that torch can use; a dry run: --device cpu --quick", file=sys.stderr)
        return 2
    signal.signal(signal.SIGALRM, _out_of_time)
    shapes = QUICK if options.quick else SHAPES
    bench = Bench(options.device, 60 * options.minutes, 2 if options.quick else 15)
    try_kernels(bench)
    check_bars(bench, shapes)
    check_matchings(bench, shapes)
    time_persistence(bench, shapes)
    time_step(bench, next(iter(shapes.values())))
    time_losses(bench, shapes)
    out = options.out or (ROOT / "results" / "gpu" if bench.device.type == "cuda" else None)
    if out is not None:
        keep(bench, out, options.quick)
    claims = {
        "correctness": ("same_bars_as_native", "same_table_20_times"),
        "matching": ("same_matching_as_native",),
    }
    right = all(r.get(name) for r in bench.records for name in claims.get(r["what"], ()))
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
    for name, table in bench.profiles.items():
        path.with_name(f"{path.stem}-{name}.txt").write_text(table, encoding="utf-8")
    print(path)


if __name__ == "__main__":
    sys.exit(main())
