"""What it costs on the device: persistence, a training step, each loss."""

import itertools
from functools import partial

import torch
from losses import REQUIRED, inputs

from on_gpu.bench import profiled
from on_gpu.cases import CORES, dims_of, maps, triton, ways
from topoeval import Topology, losses, metrics
from topoeval.persistence import BACKENDS, compute
from topoeval.persistence.backends.native import Native
from topoeval.persistence.backends.torch import Torch

CHANNELS = (32, 64, 128, 256)
# Milliseconds of one call on probability maps that an H100 or H200 should not exceed.
GOALS_MS = {
    ("32x1x128x128", (0, 1)): {"triton": 3.0, "torch": 8.0},
    ("8x1x512x512", (0, 1)): {"triton": 5.0, "torch": 14.0},
    ("2x1x64x64x64", (0, 2)): {"triton": 4.0},
}
GOAL_ADDED = 0.10  # of a training step by the Betti prior


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


def _profile(call):
    """Return the operations that take most: name, how often, milliseconds; and all launches."""
    averages, own = profiled(call)
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
