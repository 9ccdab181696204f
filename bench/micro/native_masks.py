"""What masks cost: Betti matching, Betti numbers, thinning and distances, in CPU time.

    python bench/micro/native_masks.py [--large] [--old] [--only INPUT]
    python bench/micro/native_masks.py --peer [SIDE]     # 160: the octant of topolosses' module
    python bench/micro/native_masks.py --threads [SIDE]  # elapsed time of one and of two threads
    python bench/micro/native_masks.py --shares          # how cost grows with size and foreground
    python bench/micro/native_masks.py --sheets 1024     # one size of sheets; 1024: 16 GiB, minutes

One process, one thread, both sides of a ratio in turns, least of the repeats. ``--large`` adds the
volumes of clinical size, ``--old`` the matching of grey maps beside them (minutes), ``--only``
takes one input. Memory is the growth of the peak resident size above the two masks (Linux).
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from native_matching import load_peer
from scipy.ndimage import gaussian_filter
from skimage.morphology import skeletonize

from topoeval import Topology, _native
from topoeval.digital import thin


def sheets(side, seed=0):
    """Two sets of thick sheets that differ a little, 26 % of the volume."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal((side,) * 3, np.float32), 4)
    field /= field.std()
    first = np.abs(field) < 0.33
    other = gaussian_filter(rng.standard_normal(field.shape, np.float32), 2)
    other *= 0.2
    other += field  # in place: of 1024^3 each array of floats has 4 GiB
    del field
    return first, np.abs(other) < 0.33


def vessels(depth, height, width):
    """Two sets of tubes, where two fields are near 0 at once: 4 % of the volume."""
    rng = np.random.default_rng(1)
    shape = (depth, height, width)
    a, b = (gaussian_filter(rng.standard_normal(shape, np.float32), 6) for _ in range(2))
    distance = np.hypot(a / a.std(), b / b.std())
    threshold = np.quantile(distance[::4, ::4, ::4], 0.04)
    noise = gaussian_filter(rng.standard_normal(shape, np.float32), 2)
    return distance < threshold, distance + 0.3 * noise * threshold / noise.std() < threshold


def roads(side, seed=2):
    """Two road maps: lines of width 9 across an image, some of them cut."""
    rng = np.random.default_rng(seed)
    p = np.zeros((side, side), bool)
    for at in rng.integers(0, side - 9, side // 64):
        p[at : at + 9] = True
    for at in rng.integers(0, side - 9, side // 64):
        p[:, at : at + 9] = True
    g = p.copy()
    for y, x in rng.integers(0, side - 24, (side, 2)):
        g[y : y + 24, x : x + 24] = False
    return p, g


def noise(shape, share):
    """White noise, and the same with 15 % of the voxels changed."""
    rng = np.random.default_rng(3)
    p = rng.random(shape) < share
    return p, p ^ (rng.random(shape) < 0.15)


def batch(items, side):
    """Smooth items of a training batch."""
    field = gaussian_filter(
        np.random.default_rng(4).standard_normal((items, side, side)), (0, 2, 2)
    )
    return field > 0, field > 0.01


SMALL = {
    "sheets 96^3": lambda: sheets(96),
    "sheets 160^3": lambda: sheets(160),
    "vessels 100x256x256": lambda: vessels(100, 256, 256),
    "roads 2048^2": lambda: roads(2048),
    "noise 90 % 64^3": lambda: noise((64,) * 3, 0.9),
    "noise 50 % 64^3": lambda: noise((64,) * 3, 0.5),
    "64 x 28^2": lambda: batch(64, 28),
    "8 x 128^2": lambda: batch(8, 128),
}
LARGE = {
    "sheets 320^3": lambda: sheets(320),
    "vessels 200x512x512": lambda: vessels(200, 512, 512),
    "roads 8192^2": lambda: roads(8192),
}


def seconds(call, repeats, clock=time.process_time):
    """Least time of a call, CPU time unless another clock is given."""
    times = []
    for _ in range(repeats):
        begin = clock()
        call()
        times.append(clock() - begin)
    return min(times)


def growth(call):
    """Bytes by which the peak resident size grows during a call."""

    def resident(field):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))

    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    call()
    return resident("VmHWM") - before


def beside_peer(side):
    """The module of Betti-Matching-3D in topolosses, on an octant of sheets, V and union."""
    import topolosses  # torch first, which its libraries want

    p, g = (mask[:side, :side, :side] for mask in sheets(2 * side))
    peer = load_peer(Path(topolosses.__file__).parent)
    # Foreground enters first there if it is the lower value.
    low = [np.where(mask, 0.0, 1.0) for mask in (p, g)]

    def ours():
        return _native.match_masks(p[None], g[None], "V", False, "union", 1)

    cost = seconds(ours, 3)
    counts = ours()
    begin = time.process_time()
    peer_result = peer.compute_matching(*low)
    theirs = time.process_time() - begin
    found = [int(n) for n in peer_result.num_matched]
    found[0] += 1  # the component that never dies, which is no pair there
    print(
        f"octant {side}^3 of sheets, V, union: {cost:.3f} s, peer {theirs:.2f} s of CPU, "
        f"{cost / theirs:.4f}x; matched {found}"
    )
    if found != np.ravel(counts).tolist()[-3:]:
        sys.exit(f"but ours are {np.ravel(counts).tolist()}")


def two_threads(side):
    """Elapsed time on one mask, and on a batch of two."""
    p, g = (np.stack([mask, mask[::-1]]) for mask in sheets(side))
    for name, items in (("one mask", 1), ("two masks", 2)):
        for construction in "VT":
            spent = []
            for threads in (1, 2):

                def masks(n=items, c=construction, t=threads):
                    return _native.match_masks(p[:n], g[:n], c, False, "union", t)

                spent.append(seconds(masks, 3, time.perf_counter))
            print(
                f"sheets {side}^3, {name}, {construction}: {spent[0]:.2f} s, two threads "
                f"{spent[1]:.2f} s elapsed, {spent[0] / spent[1]:.2f}x",
                flush=True,
            )


def one_size(side):
    """Matching of sheets of one size, each construction once, and its memory."""
    p, g = sheets(side)
    for construction in "VT":
        spent = []

        def masks(c=construction, spent=spent):
            begin = time.process_time()
            counts = _native.match_masks(p[None], g[None], c, False, "union", 1)
            spent.append((time.process_time() - begin, np.ravel(counts).tolist()))

        memory = growth(masks) / p.size
        (cost, counts), *_ = spent
        print(
            f"sheets {side}^3, share {p.mean():.2f}, {construction}, union: {cost:.1f} s of CPU, "
            f"{memory:.1f} bytes a voxel beyond the masks; counts {counts}",
            flush=True,
        )


def growth_of_cost():
    """Nanoseconds a voxel by size and share of foreground, smooth fields and white noise."""
    print("| ns a voxel | | share .05 | .26 | .5 | .9 |\n|---|---|---|---|---|---|")
    rng = np.random.default_rng(5)
    for shape in [(256, 256), (1024, 1024), (4096, 4096), (48,) * 3, (96,) * 3, (192,) * 3]:
        field = rng.standard_normal(shape, np.float32)
        other = field + 0.3 * rng.standard_normal(shape, np.float32)
        for kind, sigma in (("smooth", 3), ("noise", 0)):
            if kind == "noise" and np.prod(shape) > 1 << 20 and len(shape) == 3:
                continue  # minutes
            maps = [gaussian_filter(f, sigma) if sigma else f for f in (field, other)]
            for construction in "VT":
                cells = []
                for share in (0.05, 0.26, 0.5, 0.9):
                    p, g = (f > np.quantile(f.ravel()[::7], 1 - share) for f in maps)

                    def masks(p=p, g=g, c=construction):
                        return _native.match_masks(p[None], g[None], c, False, "union", 1)

                    cells.append(f"{1e9 * seconds(masks, 1) / p.size:.0f}")
                name = f"{kind} {shape[0]}^{len(shape)}"
                print(f"| {name} | {construction} | {' | '.join(cells)} |", flush=True)


def main():
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--only", help="one input")
    parser.add_argument("--peer", type=int, nargs="?", const=160)
    parser.add_argument("--threads", type=int, nargs="?", const=200)
    parser.add_argument("--shares", action="store_true")
    parser.add_argument("--sheets", type=int, metavar="SIDE")
    args = parser.parse_args()
    if args.peer:
        beside_peer(args.peer)
    elif args.threads:
        two_threads(args.threads)
    elif args.sheets:
        one_size(args.sheets)
    elif args.shares:
        growth_of_cost()
    else:
        table(args)


def table(args):
    """Matching, thinning and their memory, input by input."""
    cases = {**SMALL, **(LARGE if args.large or args.only in LARGE else {})}
    print("| input | share | | masks s | bytes a voxel | grey maps s | thin s | skimage s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, make in cases.items():
        if args.only not in (None, name):
            continue
        p, g = make()
        if name.split()[1] != "x":
            p, g = p[None], g[None]
        repeats = 1 if p.size > 1 << 22 else 5
        for construction in "VT":

            def masks(c=construction, p=p, g=g):
                return _native.match_masks(p, g, c, False, "union", 1)

            memory = f"{growth(masks) / p.size:.1f}"
            cost = seconds(masks, repeats)
            line = f"| {name} | {p.mean():.2f} | {construction} | {cost:.4f} | {memory} |"
            if args.old:
                dims = tuple(range(p.ndim - 1))

                def grey(c=construction, p=p, g=g, dims=dims):
                    return _native.betti_matching(p, g, c, True, dims, "union", 1)

                old = seconds(grey, repeats)
                line += f" {old:.3f} ({old / cost:.1f}x)"
            line += " |"
            if construction == "T":
                ours = seconds(lambda p=p: thin(p, Topology("T")), repeats)
                theirs = seconds(lambda p=p: [skeletonize(mask) for mask in p], repeats)
                line += f" {ours:.4f} | {theirs:.4f} ({ours / theirs:.2f}x) |"
            else:
                line += " | |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
