"""The native Betti matching against the published compiled module, in CPU time.

    pip download topolosses --no-deps && unzip topolosses*.whl -d peer
    python bench/micro/native_matching.py --peer peer [--sizes 128 512] [--volumes 32 64]

One process, one thread each, minima of a few repeats, because the machines this runs on are
shared.  V construction, sublevel sets, union: all that the peer knows.  The peer gets float64, the
native core float64 and float32 (what a network returns).  Its package needs torchvision, so
the extension module is loaded from its file.
"""

import argparse
import importlib.util
import platform
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from topoeval import _native


def smooth(rng, shape):
    """Gaussian-filtered noise of unit variance."""
    image = gaussian_filter(rng.normal(size=shape), 4 if len(shape) == 2 else 2)
    return image / image.std()


def probability(field, rng):
    """Squash a field as a network does, with a little white noise."""
    return 1 / (1 + np.exp(-(4 * field + 0.1 * rng.normal(size=field.shape))))


def mask_pair(rng, shape):
    """Return a probability map and the mask it predicts with some error."""
    truth = smooth(rng, shape)
    return probability(truth + 0.5 * smooth(rng, shape), rng), (truth < 0).astype(float)


PAIRS = {
    "noise": lambda rng, shape: (rng.random(shape), rng.random(shape)),
    "smooth": lambda rng, shape: (smooth(rng, shape), smooth(rng, shape)),
    "probability": lambda rng, shape: tuple(probability(smooth(rng, shape), rng) for _ in "pg"),
    "map and mask": mask_pair,
}


def milliseconds(call, repeats):
    """Least CPU time of a call."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return 1000 * min(times)


def native(p, g):
    """Return a call of the native core on one pair."""
    dims = tuple(range(p.ndim))
    return lambda: _native.betti_matching(p[None], g[None], "V", False, dims, "union", 1)


def load_peer(folder):
    """Load the extension module from wherever it lies under a folder."""
    file = next(Path(folder).rglob("betti_matching*.so"))
    spec = importlib.util.spec_from_file_location("betti_matching", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="folder with the unpacked topolosses wheel")
    parser.add_argument("--sizes", type=int, nargs="*", default=[128, 512])
    parser.add_argument("--volumes", type=int, nargs="*", default=[32, 64])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()

    peer = load_peer(args.peer) if args.peer else None
    print(platform.processor() or platform.machine())
    print("| input | pair | native f64 ms | native f32 ms | peer ms |\n|---|---|---|---|---|")
    for shape in [(n, n) for n in args.sizes] + [(n, n, n) for n in args.volumes]:
        for kind, make in PAIRS.items():
            p, g = make(np.random.default_rng(len(shape)), shape)
            wide = milliseconds(native(p, g), args.repeats)
            narrow = milliseconds(native(p.astype("f4"), g.astype("f4")), args.repeats)
            line = f"| {shape[0]}^{len(shape)} | {kind} | {wide:.2f} | {narrow:.2f} |"
            if peer:
                other = milliseconds(lambda p=p, g=g: peer.compute_matching(p, g), args.repeats)
                line += f" {other:.1f} ({other / wide:.1f}x) |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
