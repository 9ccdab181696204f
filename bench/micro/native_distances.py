"""What HD95 of two masks costs, beside MONAI, surface-distance and MedPy, in CPU time.

    pip install surface-distance medpy       # what is not installed is left out, by name
    python bench/micro/native_distances.py [--large]

One process, one thread, each library once after a warm-up on a small input. Values: MONAI's
maximum of two percentiles and MedPy's percentile of both sets together must be ours to 1e-4
relative, or the script ends with status 1; surface-distance weighs by area and is only shown.
`--large` takes 8192^2 and 512x512x200 instead of 1024^2 and 160x160x80 (minutes).
"""

import argparse
import importlib
import sys
import time

import numpy as np
from native_masks import roads, vessels
from scipy.ndimage import gaussian_filter

from topoeval.metrics.distance import boundary_distances


def blobs(shape):
    """Two sets of thick blobs that differ a little."""
    rng = np.random.default_rng(0)
    field = gaussian_filter(rng.standard_normal(shape, np.float32), 12)
    other = gaussian_filter(rng.standard_normal(shape, np.float32), 6)
    field, other = field / field.std(), other / other.std()
    return field > 0.5, field + 0.1 * other > 0.5


def tubes(depth, height, width):
    """Two sets of vessels, the depth last."""
    return tuple(np.moveaxis(mask, 0, 2) for mask in vessels(depth, height, width))


SMALL = {
    "1024^2 thin": lambda: roads(1024),
    "1024^2 thick": lambda: blobs((1024, 1024)),
    "160x160x80 thin": lambda: tubes(80, 160, 160),
    "160x160x80 thick": lambda: blobs((160, 160, 80)),
}
LARGE = {
    "8192^2 thin": lambda: roads(8192),
    "8192^2 thick": lambda: blobs((8192, 8192)),
    "512x512x200 thin": lambda: tubes(200, 512, 512),
    "512x512x200 thick": lambda: blobs((512, 512, 200)),
}


def ours(p, g):
    """HD95, and the percentile of both sets together."""
    found = boundary_distances(p, g)
    return found.hausdorff(95), found.pooled(95)


def monai(p, g):
    """The larger of two percentiles."""
    import torch
    from monai.metrics import compute_hausdorff_distance

    pair = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (p, g))
    return float(compute_hausdorff_distance(*pair, include_background=True, percentile=95))


def surface_distance(p, g):
    """The larger of two percentiles, of surface elements by area."""
    import surface_distance as package

    found = package.compute_surface_distances(p, g, (1.0,) * p.ndim)
    return float(package.compute_robust_hausdorff(found, 95))


def medpy(p, g):
    """The percentile of both sets together."""
    from medpy.metric.binary import hd95

    return float(hd95(p, g))


PEERS = {"monai": monai, "surface_distance": surface_distance, "medpy": medpy}


def present(name):
    """Whether a package can be imported; one that fails otherwise is an error."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def once(call, p, g):
    """Value and CPU seconds."""
    begin = time.process_time()
    value = call(p, g)
    return value, time.process_time() - begin


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", help="one input")
    args = parser.parse_args()

    peers = {name: call for name, call in PEERS.items() if present(name)}
    print(f"not installed: {', '.join(sorted(PEERS.keys() - peers.keys())) or 'none'}")
    import torch

    torch.set_num_threads(1)
    for call in (ours, *peers.values()):
        call(*blobs((64, 64)))
    print("| masks | share | HD95 | topoeval s | " + " | ".join(peers) + " | of the best |")
    print("|---" * (5 + len(peers)) + "|")
    differ = 0
    for name, make in (LARGE if args.large else SMALL).items():
        if args.only not in (None, name):
            continue
        p, g = make()
        (value, pooled), seconds = once(ours, p, g)
        line = f"| {name} | {p.mean():.2f} | {value:.3f} | {seconds:.3f} |"
        best = np.inf
        for peer, call in peers.items():
            other, cost = once(call, p, g)
            best = min(best, cost)
            expected = pooled if peer == "medpy" else value
            equal = np.isclose(other, expected, rtol=1e-4)
            differ += not equal and peer != "surface_distance"
            line += f" {cost:.3f} s, {'equal' if equal else f'{other:.3f}'} |"
        print(line + f" {seconds / best:.2f} |", flush=True)
    if differ:
        sys.exit(f"{differ} values differ from MONAI's or MedPy's")


if __name__ == "__main__":
    main()
