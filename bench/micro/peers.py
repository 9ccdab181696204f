"""Our public metrics beside what one would take otherwise, on the same masks in one process.

    python bench/micro/peers.py              # 1024^2 and 160 x 160 x 80
    python bench/micro/peers.py --large      # and 512 x 512 x 200
    python bench/micro/peers.py --repeats 9

Prints a Markdown table with the machine. Times are the least CPU seconds (user and system) of the
repeats, both sides of a row in turns. Each pair is scored from boolean arrays, as each side takes
them; conversions are part of its time.

- HD95: MONAI's ``compute_hausdorff_distance``; surface-distance's surfaces with its robust
  Hausdorff distance (other numbers, by its definition).
- clDice: two skeletons of scikit-image and four counts.
- Betti numbers of both masks: labels of cc3d and the Euler number of scikit-image.

MONAI (extra ``train``) and surface-distance (``pip install surface-distance``) are left out by name
where they are not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

import cc3d
import numpy as np
from native_masks import roads, vessels
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.measure import euler_number
from skimage.morphology import skeletonize

from topoeval import metrics
from topoeval.harness.runs.environment import machine_kind

Mask = NDArray[np.bool_]
Call = Callable[[Mask, Mask], object]


def blobs(side: int) -> tuple[Mask, Mask]:
    """Return two masks of smooth blobs in 2D, 40 % of the image."""
    rng = np.random.default_rng(5)
    field = gaussian_filter(rng.standard_normal((side, side)), side / 40)
    noise = gaussian_filter(rng.standard_normal((side, side)), side / 80)
    field, noise = field / field.std(), noise / noise.std()
    return field + 0.3 * noise > 0.25, field > 0.25


MASKS: dict[str, Callable[[], tuple[Mask, Mask]]] = {
    "blobs 1024^2": lambda: blobs(1024),
    "roads 1024^2": lambda: roads(1024),
    "vessels 80x160x160": lambda: vessels(80, 160, 160),
}
LARGE = {"vessels 200x512x512": lambda: vessels(200, 512, 512)}


def monai_hd95(p: Mask, g: Mask) -> float:
    """Return MONAI's HD95."""
    import torch
    from monai.metrics import compute_hausdorff_distance

    pair = (torch.from_numpy(mask)[None, None] for mask in (p, g))
    return float(compute_hausdorff_distance(*pair, include_background=True, percentile=95))


def deepmind_hd95(p: Mask, g: Mask) -> float:
    """Return the robust Hausdorff distance of surface-distance."""
    import surface_distance

    found = surface_distance.compute_surface_distances(g, p, (1.0,) * p.ndim)
    return float(surface_distance.compute_robust_hausdorff(found, 95.0))


def two_skeletons(p: Mask, g: Mask) -> float:
    """Return clDice by scikit-image's skeletons."""
    of_p, of_g = (np.asarray(skeletonize(mask), bool) for mask in (p, g))
    precision = np.count_nonzero(of_p & g) / np.count_nonzero(of_p)
    sensitivity = np.count_nonzero(of_g & p) / np.count_nonzero(of_g)
    return float(2 * precision * sensitivity / (precision + sensitivity))


def labels_and_euler(p: Mask, g: Mask) -> list[list[int]]:
    """Return the Betti numbers of both masks, foreground 8 or 26."""
    found = []
    for mask in (p, g):
        padded = np.pad(mask, 1).view(np.uint8)
        b0 = cc3d.connected_components(
            padded, connectivity=8 if mask.ndim == 2 else 26, return_N=True
        )[1]
        euler = euler_number(padded, connectivity=mask.ndim)
        if mask.ndim == 2:
            found.append([b0, b0 - euler])
        else:
            b2 = cc3d.connected_components(1 - padded, connectivity=6, return_N=True)[1] - 1
            found.append([b0, b0 + b2 - euler, b2])
    return found


def our_betti(p: Mask, g: Mask) -> list[list[int]]:
    """Return the Betti numbers of both masks."""
    return [metrics.betti_numbers(mask, "T").tolist() for mask in (p, g)]


def our_hd95(p: Mask, g: Mask) -> float:
    """Return our HD95."""
    return float(metrics.hausdorff_distance(p, g, percentile=95))


def our_cldice(p: Mask, g: Mask) -> float:
    """Return our clDice."""
    return float(metrics.cldice(p, g))


# score, ours, peer, its function, its package where it is no dependency, and the target
ROWS: Sequence[tuple[str, Call, str, Call, str, float]] = (
    ("HD95", our_hd95, "MONAI", monai_hd95, "monai", 1.0),
    ("HD95", our_hd95, "surface-distance", deepmind_hd95, "surface_distance", 1.0),
    ("clDice", our_cldice, "two skeletons of scikit-image", two_skeletons, "", 1.2),
    ("Betti numbers", our_betti, "cc3d and Euler number", labels_and_euler, "", 0.5),
)


def in_turns(calls: Sequence[Call], p: Mask, g: Mask, repeats: int) -> list[float]:
    """Return the least CPU seconds of each call."""
    least = [float("inf")] * len(calls)
    for _ in range(repeats):
        for place, call in enumerate(calls):
            began = time.process_time()
            call(p, g)
            least[place] = min(least[place], time.process_time() - began)
    return least


def machine() -> str:
    """Return the machine and the versions, in a line."""
    cpu, cores, _ = machine_kind("cpu")
    packages = []
    for name in ("numpy", "scipy", "scikit-image", "connected-components-3d", "monai",
                 "surface-distance"):  # fmt: skip
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"{name} not installed")
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return (
        f"{cores} cores of {cpu}, {platform.system()}, Python {platform.python_version()}, "
        f"OMP_NUM_THREADS {threads}; {', '.join(packages)}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="512 x 512 x 200 too")
    parser.add_argument("--only", help="masks whose name begins so")
    parser.add_argument("--repeats", type=int, default=5, help="of volumes of 2^23 voxels, one")
    chosen = parser.parse_args()
    print(machine(), end="\n\n")
    print("| masks | score | ours, CPU s | peer | peer, CPU s | ratio | target |")
    print("|---|---|---|---|---|---|---|")
    for title, make in {**MASKS, **(LARGE if chosen.large else {})}.items():
        if chosen.only and not title.startswith(chosen.only):
            continue
        p, g = make()
        repeats = 1 if p.size > 1 << 23 else chosen.repeats
        for score, ours, peer, theirs, package, target in ROWS:
            if package and importlib.util.find_spec(package) is None:
                print(f"| {title} | {score} | | {peer} | not installed | | {target} |")
                continue
            small = tuple(np.ascontiguousarray(mask[(slice(0, 64),) * p.ndim]) for mask in (p, g))
            for call in (ours, theirs):
                call(*small)  # imports
            a, b = in_turns((ours, theirs), p, g, repeats)
            print(
                f"| {title} | {score} | {a:.4f} | {peer} | {b:.4f} | {a / b:.2f} | {target} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
