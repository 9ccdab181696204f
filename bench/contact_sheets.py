"""Draw the pictures of docs/datasets/: three samples of each preset and of the special tests.

python bench/contact_sheets.py
"""

from __future__ import annotations

from pathlib import Path

from topoeval import datasets
from topoeval.datasets.contact import contact_sheet
from topoeval.datasets.synthetic import DIFFICULTIES

FAMILIES = ("strokes", "network", "cardiac", "membranes", "placenta", "vessels")
# Coarser than by default, to keep the files small.
SIDES = {"cardiac": 64, "network": 64, "membranes": 64, "placenta": 64, "vessels": 64}
COUNT = 3


def main() -> None:
    """Write one SVG a family."""
    folder = Path(__file__).resolve().parents[1] / "docs" / "datasets"
    folder.mkdir(exist_ok=True)
    for name in FAMILIES:
        size = {"side": SIDES[name]} if name in SIDES else {}
        rows = [
            (d, list(datasets.load(name, "test", COUNT, difficulty=d, **size)))
            for d in DIFFICULTIES
        ]
        rows += [
            (split, list(datasets.load(name, split, COUNT, **size)))
            for split in ("shifted", "relaxed")
            if split in datasets.info(name).splits
        ]
        (folder / f"{name}.svg").write_text(contact_sheet(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
