"""What ``topoeval evaluate`` costs on very large images and on many: 8192^2 roads, 300 of 1024^2.

    python bench/micro/evaluate_many.py --roads 8192     # one pair: CPU seconds, peak
    python bench/micro/evaluate_many.py --pairs 300      # CPU seconds a pair of 1024^2
    python bench/micro/evaluate_many.py --pairs 300 --preset roads

As a user would, from PNG files, with the default scores and one process; CPU seconds (user and
system) and peak are those of that process, the reading of files included.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from native_masks import roads
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]


def write(mask: Mask, path: Path) -> None:
    """Write a mask as a PNG of 0 and 255."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(mask.view(np.uint8) * np.uint8(255)).save(path)


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


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--roads", type=int, help="side of one pair of road maps")
    parser.add_argument("--pairs", type=int, help="how many pairs of road maps")
    parser.add_argument("--side", type=int, default=1024, help="of the many pairs")
    parser.add_argument("--preset", help="as of topoeval evaluate")
    chosen = parser.parse_args()
    sides = [chosen.roads] if chosen.roads else [chosen.side] * (chosen.pairs or 0)
    if not sides:
        parser.error("name --roads SIDE or --pairs NUMBER")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, side in enumerate(sides):
            for kind, mask in zip("pg", roads(side, seed=2 + number), strict=True):
                write(mask, folder / kind / f"{number:04}.png")
        evaluate(folder, chosen.preset)


if __name__ == "__main__":
    main()
