"""What persistence costs beside the network it trains.

    python bench/micro/training_step.py [--threads 2]

A batch of 8 x 1 x 128 x 128 probability maps: bars of dimensions 0 and 1 by
`topoeval.persistence` and back to the voxels, against forward and backward of a MONAI U-Net
with 16 base channels on a batch of the same shape and the same threads. Wall time, medians,
the two interleaved; the ratio is the figure.
"""

import argparse
import platform
import statistics
import sys
import time
from pathlib import Path

import torch
from monai.networks.nets import UNet

from topoeval.persistence import compute
from topoeval.persistence.backends.native import Native

sys.path.insert(0, str(Path(__file__).parents[1] / "asv"))
from images import images

SHAPE = (8, 128, 128)
CHANNELS = (16, 32, 64, 128, 256)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=CHANNELS,
        strides=(2,) * (len(CHANNELS) - 1),
        num_res_units=2,
    )
    batch = torch.rand(8, 1, 128, 128)
    backend = Native(threads=options.threads)
    maps = torch.from_numpy(images("probability", SHAPE))[:, None].requires_grad_()

    def step():
        network.zero_grad()
        network(batch).sigmoid().mean().backward()

    def persistence():
        maps.grad = None
        bars = compute(maps, backend=backend, spatial_dims=2)
        bars.lengths().square().sum().backward()

    times = {step: [], persistence: []}
    for repeat in range(options.repeats + 3):
        for work, seconds in times.items():
            start = time.perf_counter()
            work()
            if repeat >= 3:  # the first ones warm caches and allocators
                seconds.append(time.perf_counter() - start)
    network_ms, persistence_ms = (1e3 * statistics.median(seconds) for seconds in times.values())
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, ", end="")
    print(f"{options.threads} threads, medians of {options.repeats}")
    print(f"U-Net forward + backward   {network_ms:8.2f} ms")
    print(f"persistence + backward     {persistence_ms:8.2f} ms")
    print(f"share                      {100 * persistence_ms / network_ms:8.2f} %")


if __name__ == "__main__":
    main()
