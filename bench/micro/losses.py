"""What each loss costs, forward and backward, next to Dice and next to its peers.

    python bench/micro/losses.py [--only NAME ...] [--called] [--out results/losses]

Each loss and shape runs in a process of its own, one thread, on maps as a network answers them
and masks they almost meet; targets are prepared once, as a training does, or, with ``--called``, at
every call, as in a loop that knows nothing of `prepare` and shows new targets at each step (first
shape only): a voxel of each mask differs at each call, or the loss would remember them. Figures
are CPU time, medians, Dice interleaved in the same process; memory is what the process grew by
beyond the inputs and a run of Dice. Peers (`loss_peers.py`) are timed likewise where they are
installed, and named where they are not. With
``--only`` the rows of other losses stay as they were in ``--out``. What is not measured
within the limit is a row that says so.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from loss_peers import LEFT_OUT, PEERS

SHAPES = {
    "8x1x128x128": (8, 1, 128, 128),
    "2x1x512x512": (2, 1, 512, 512),
    "1x1x64x64x64": (1, 1, 64, 64, 64),
}
LIMIT_S = 300
BUDGET_S = 6.0
REPEATS = 15
SCHEMA = 2  # the first had no checksum


def inputs(shape):
    """Return logits and masks: a smooth field, and where a disturbed copy of it is positive."""
    import numpy as np
    import torch
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    sigma = 4 if len(shape) == 4 else 2

    def fields():
        noise = rng.normal(size=(shape[0], *shape[2:]))
        smooth = np.stack([gaussian_filter(image, sigma) for image in noise])
        return smooth / smooth.std()

    truth = fields()
    answer = truth + 0.3 * fields() + 0.05 * rng.normal(size=truth.shape)
    logits = torch.from_numpy(4 * answer).float()[:, None].requires_grad_()
    return logits, torch.from_numpy(truth > 0).float()[:, None]


def built(name, ndim, called=False):
    """Return the loss as a function of logits and masks, or None if it takes no such images.

    Targets are prepared once, or, if `called`, by every call.
    """
    import torch

    from topoeval.losses import LOSSES
    from topoeval.metrics import betti_numbers
    from topoeval.topology import Topology

    factory = LOSSES.load(name)
    if ndim not in factory.info.ndims:
        return None
    arguments = dict(REQUIRED.get(name, lambda ndim: {})(ndim))
    if factory.info.input == "probabilities":
        arguments["sigmoid"] = True
    loss = factory(**arguments)
    if factory.info.needs_prior:
        return lambda logits, masks: loss(
            logits, prior=torch.as_tensor(betti_numbers(masks[:, 0] > 0, Topology(), ndim))
        )
    prepared = {}

    def call(logits, masks):
        if called:
            return loss(logits, masks)
        if "target" not in prepared:
            prepared["target"] = loss.prepare(masks) if hasattr(loss, "prepare") else None
        return loss(logits, masks, prepared["target"])

    return call


REQUIRED = {"topo_interaction": lambda ndim: {"exclusion": [[0, 1]]}}


def measure(name, peer, shape, called):
    """Return one row, in this process."""
    import torch

    torch.set_num_threads(1)
    logits, masks = inputs(SHAPES[shape])
    ndim = logits.ndim - 2
    dice = built("dice", ndim)
    loss = built(name, ndim, called) if peer is None else PEERS[name][peer](ndim)
    if loss is None:
        return None

    shift = 0

    def seconds(function):
        nonlocal shift
        shown = masks
        if called:
            shift = (shift + 1) % masks.shape[-1]
            shown = masks.clone()
            shown[..., 0, shift] = 1 - shown[..., 0, shift]
        logits.grad = None
        start = time.process_time()
        function(logits, shown).backward()
        return time.process_time() - start

    seconds(dice)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds(loss)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = {"dice": [], "loss": []}
    end = time.perf_counter() + BUDGET_S
    while len(times["loss"]) < 3 or (len(times["loss"]) < REPEATS and time.perf_counter() < end):
        times["loss"].append(seconds(loss))
        times["dice"].append(seconds(dice))
    medians = {key: 1e3 * statistics.median(values) for key, values in times.items()}
    return {
        "loss": name,
        "peer": peer,
        "shape": shape,
        "ms": medians["loss"],
        "dice_ms": medians["dice"],
        "repeats": len(times["loss"]),
        "memory_mib": (peak - before) / 1024,
    }


def in_a_process(name, peer, shape, called):
    """Return the row of a fresh process; one that fails or takes too long says so."""
    command = [sys.executable, __file__, "--one", name, peer or "", shape]
    command += ["--called"] if called else []
    row = {"loss": name, "peer": peer, "shape": shape}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        return row | {"problem": f"more than {LIMIT_S} s"}
    if done.returncode:
        return row | {"problem": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def table(rows):
    """Return the rows as Markdown, a line per loss and peer, a column per shape."""
    lines = ["| loss | " + " | ".join(SHAPES) + " | memory, most |", "|---|" + "---|" * 4]
    for key in dict.fromkeys((row["loss"], row["peer"]) for row in rows):
        its = {row["shape"]: row for row in rows if (row["loss"], row["peer"]) == key}
        cells = []
        for shape in SHAPES:
            row = its.get(shape)
            if row is None:
                cells.append("")
            elif "problem" in row:
                cells.append(row["problem"])
            else:
                cells.append(f"{row['ms']:.2f} ms ({row['ms'] / row['dice_ms']:.1f}x)")
        memory = [row["memory_mib"] for row in its.values() if "memory_mib" in row]
        most = f"{max(memory):.0f} MiB" if memory else ""
        name = key[0] if key[1] is None else f"*{key[1]}*"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {most} |")
    return "\n".join(lines)


def recorded(path):
    """Return what was measured before; what has changed since it was written is refused."""
    from topoeval.archives import DamagedFileError
    from topoeval.checksums import opened

    try:
        return opened(json.loads(path.read_bytes()), SCHEMA, SCHEMA)
    except (ValueError, OSError) as error:
        raise DamagedFileError(path, str(error)) from None


def main():
    """Measure, print the table, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--called", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, peer, shape = options.one
        print(json.dumps(measure(name, peer or None, shape, options.called)))
        return

    from topoeval.checksums import sealed
    from topoeval.harness.runs.environment import describe
    from topoeval.losses import LOSSES
    from topoeval.whole_file import write_text

    stem = "called" if options.called else "times"
    others = []
    # looked at before anything is measured; the rows of other losses stay
    if options.out and options.only and (options.out / f"{stem}.json").exists():
        kept = recorded(options.out / f"{stem}.json")["rows"]
        others = [row for row in kept if row["loss"] not in options.only]
    for peer, package in LEFT_OUT.items():
        print(f"{peer} is left out: {package} is not installed", file=sys.stderr)
    rows = []
    for name in options.only or sorted(LOSSES):
        for peer in (None, *PEERS.get(name, ())):
            for shape in list(SHAPES)[: 1 if options.called else None]:
                row = in_a_process(name, peer, shape, options.called)
                if row is not None:
                    rows.append(row)
                    print(row, file=sys.stderr)
    print(table(rows))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        rows = sorted([*rows, *others], key=lambda row: row["loss"])
        measured = {"environment": describe("cpu", 1, "topoeval"), "rows": rows}
        record = sealed({"schema": SCHEMA, **measured})
        write_text(options.out / f"{stem}.json", json.dumps(record, indent=1) + "\n")
        (options.out / f"{stem}.md").write_text(table(rows) + "\n")


if __name__ == "__main__":
    main()
