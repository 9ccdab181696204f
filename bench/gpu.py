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
import sys
from pathlib import Path

import torch
from on_gpu.bench import Bench
from on_gpu.cases import QUICK, SHAPES
from on_gpu.checks import check_bars, check_matchings, holds, try_kernels
from on_gpu.timings import time_losses, time_persistence, time_step

ROOT = Path(__file__).parents[1]


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
        bench.write(out, options.quick)
    return 0 if holds(bench.records) else 1


if __name__ == "__main__":
    sys.exit(main())
