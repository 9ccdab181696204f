"""Draw one small example of every kind of edit: the pictures of docs/repair.md.

    python examples/repair_pictures.py [FOLDER]

Black is foreground, red was taken away, green was added; of a volume the middle slice is drawn.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from topoeval.repair import Options, repair

SCALE = 8


def plane(size=(9, 13), value=0.1):
    """An image of unlikely foreground."""
    return np.full(size, value)


def examples():
    """Yield for each kind of edit a map, the wanted numbers, and the kinds that may be used."""
    image = plane()
    image[2:7, 2:7] = 0.9
    image[3:5, 10:12] = 0.6
    yield "delete", image, (1, 0)

    image = plane()
    image[1:8, 2:11] = 0.9
    image[3:6, 5:8] = 0.4
    yield "fill", image, (1, 0)
    yield "open", image, (1, 0)

    image = plane()
    image[2:7, 1:5] = image[2:7, 8:12] = 0.9
    image[4, 5:8] = 0.4
    yield "join", image, (1, 0)

    image = plane()
    image[2:7, 1:6] = 0.9
    image[3:6, 9:12] = 0.2
    image[4, 10] = 0.4
    yield "create", image, (2, 0)

    image = plane()
    image[1:8, 2:11] = 0.9
    image[3:6, 5:8] = 0.7
    image[4, 6] = 0.55
    yield "pierce", image, (1, 1)

    image = plane()
    image[2:7, 1:12] = 0.9
    image[2:7, 6] = 0.6
    yield "split", image, (2, 0)

    image = plane()
    image[1:8, 2:11] = 0.9
    image[3:6, 5:8] = 0.1
    image[4, 8:11] = 0.3
    yield "close", image, (1, 1)

    ring = np.full((5, 9, 13), 0.1)
    ring[2, 1:8, 2:11] = 0.9
    ring[2, 3:6, 5:8] = 0.2
    ring[2, 4, 8:11] = 0.6
    yield "cut", ring, (1, 0, 0)
    yield "cover", ring, (1, 0, 0)
    gap = np.full((5, 9, 13), 0.1)
    gap[2, 1:8, 2:11] = 0.9
    gap[2, 3:6, 5:8] = 0.1
    gap[2, 4, 8:11] = 0.4
    yield "bridge", gap, (1, 1, 0)
    disc = np.full((3, 9, 13), 0.1)
    disc[1, 1:8, 2:11] = 0.9
    disc[1, 3:6, 5:8] = 0.7
    disc[1, 4, 6] = 0.55
    yield "tunnel", disc, (1, 1, 0)


def picture(before, after):
    """Return the flips in colours."""
    colours = np.full((*before.shape, 3), 255, np.uint8)
    colours[after] = 0
    colours[after & ~before] = (0, 158, 115)
    colours[before & ~after] = (213, 94, 0)
    return colours.repeat(SCALE, 0).repeat(SCALE, 1)


def main(folder):
    """Write `KIND.png` for each kind, and print what was done."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, image, wanted in examples():
        result = repair(image, wanted, options=Options(only=[kind], radius=0))
        middle = image.shape[0] // 2
        before, after = image >= 0.5, result.mask
        if image.ndim == 3:
            before, after = before[middle], after[middle]
        Image.fromarray(picture(before, after)).save(folder / f"{kind}.png", optimize=True)
        print(f"{kind}: {result.before} -> {result.after}, met: {result.met}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "repair-pictures"))
