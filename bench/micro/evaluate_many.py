"""What ``topoeval evaluate`` costs on very large images and on many: 8192^2 roads, 300 of 1024^2.

    python bench/micro/evaluate_many.py --roads 8192     # one pair: CPU seconds, peak
    python bench/micro/evaluate_many.py --pairs 300      # CPU seconds a pair of 1024^2
    python bench/micro/evaluate_many.py --pairs 300 --preset roads
    python bench/micro/evaluate_many.py --pairs 4000 --side 32 --jobs 2 --kill

As a user would, from PNG files, with the default scores and one process; CPU seconds (user and
system) and peak are those of that process, the reading of files included.

With `--jobs` wall seconds of one process and of several are set side by side: ideal is the wall
time of one, divided by their number. With `--kill` a third run loses one of its processes (kill -9)
when half of the rows are written; its rows must be those of the others.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from native_masks import roads
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]
SMALL = 256  # roads of a smaller side have no line, or one


def write(mask: Mask, path: Path) -> None:
    """Write a mask as a PNG of 0 and 255."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(mask.view(np.uint8) * np.uint8(255)).save(path)


def ring(side: int, seed: int) -> tuple[Mask, Mask]:
    """A rectangular ring, and the same with 3 % of its pixels wrong: roads need larger images."""
    rng = np.random.default_rng(seed)
    g = np.zeros((side, side), bool)
    y, x = rng.integers(side // 8, side // 3, 2)
    h, w = rng.integers(side // 4, side // 2, 2)
    g[y : y + h, x : x + w] = True
    g[y + 3 : y + h - 3, x + 3 : x + w - 3] = False
    return g ^ (rng.random(g.shape) < 0.03), g


def evaluate(folder: Path, preset: str | None) -> None:
    """Score the files of a folder and print what it cost."""
    command = [sys.executable, "-m", "topoeval.cli", "evaluate", f"{folder}/p", f"{folder}/g"]
    command += ["--jobs", "1", "--out", f"{folder}/scores"]
    command += ["--preset", preset] if preset else []
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"topoeval evaluate ended with status {done.returncode}")
    with (folder / "scores" / "cases.csv").open() as file:
        head, *rows = csv.reader(file)
    empty = [name for name, *values in zip(head, *rows, strict=True) if "" in values]
    spent, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20
    print(
        f"{len(rows)} pairs, {len(head) - 4} scores{', without ' * bool(empty)}{', '.join(empty)}"
    )
    print(f"{spent:.1f} CPU s, {spent / len(rows):.3f} a pair, peak {peak:.2f} GiB")


def wall(folder: Path, jobs: int, kill: bool = False) -> tuple[float, list[list[str]]]:
    """Score the files of a folder; return wall seconds, and the rows."""
    out = folder / f"scores-{jobs}{'-killed' * kill}"
    command = [sys.executable, "-m", "topoeval.cli", "evaluate", f"{folder}/p", f"{folder}/g"]
    command += ["--jobs", str(jobs), "--out", str(out)]
    cases = len(list((folder / "g").iterdir()))
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.1)
        if kill and lines(out / "cases.csv") > cases / 2:
            workers = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if "spawn_main" in " ".join(child.cmdline())
            ]
            workers[0].kill()
            kill = False
    spent = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"topoeval evaluate ended with status {process.returncode}")
    with (out / "cases.csv").open() as file:
        return spent, list(csv.reader(file))


def lines(path: Path) -> int:
    """Return how many lines a file has, 0 if it is not there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def side_by_side(folder: Path, jobs: int, kill: bool) -> None:
    """Print wall seconds of one process, of several, and of several of which one is killed."""
    alone, rows = wall(folder, 1)
    print(f"{len(rows) - 1} pairs, 1 process: {alone:.1f} s", flush=True)
    for killed in [False, True] if kill else [False]:
        spent, found = wall(folder, jobs, killed)
        if found != rows:
            raise SystemExit("the rows are not those of one process")
        print(
            f"{jobs} processes{', one killed' * killed}: {spent:.1f} s, "
            f"{spent * jobs / alone:.2f} of ideal",
            flush=True,
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--roads", type=int, help="side of one pair of road maps")
    parser.add_argument("--pairs", type=int, help="how many pairs of road maps")
    parser.add_argument("--side", type=int, default=1024, help="of the many pairs")
    parser.add_argument("--preset", help="as of topoeval evaluate")
    parser.add_argument("--jobs", type=int, default=1, help="processes, beside one alone")
    parser.add_argument("--kill", action="store_true", help="once more, with one of them killed")
    chosen = parser.parse_args()
    sides = [chosen.roads] if chosen.roads else [chosen.side] * (chosen.pairs or 0)
    if not sides:
        parser.error("name --roads SIDE or --pairs NUMBER")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, side in enumerate(sides):
            pair = roads(side, 2 + number) if side >= SMALL else ring(side, number)
            for kind, mask in zip("pg", pair, strict=True):
                write(mask, folder / kind / f"{number:05}.png")
        if chosen.jobs > 1:
            side_by_side(folder, chosen.jobs, chosen.kill)
        else:
            evaluate(folder, chosen.preset)


if __name__ == "__main__":
    main()
