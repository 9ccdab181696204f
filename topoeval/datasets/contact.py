"""Contact sheets: a few samples of a dataset as one SVG file, small enough to commit."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.sample import Sample

TILE = 96
GAP = 6
LINE = 16
LEVELS = 8
"""Greys of a picture. More would be noise of the camera, which does not compress."""


def contact_sheet(rows: Sequence[tuple[str, Sequence[Sample]]]) -> str:
    """Return an SVG picture: for each row a caption, the images, and below them the truth.

    Volumes are shown as their brightest values along the middle axis; several classes as greys.

    Parameters
    ----------
    rows
        Caption and samples.
    """
    width = max(len(samples) for _, samples in rows) * (TILE + GAP) + GAP
    height, parts = GAP, []
    for caption, samples in rows:
        height += LINE
        parts.append(
            f'<text x="{GAP}" y="{height - 4}" font-size="12" font-family="sans-serif" '
            f'fill="#555">{escape(caption)}</text>'
        )
        for place, sample in enumerate(samples):
            x = GAP + place * (TILE + GAP)
            for down, picture in enumerate((_image(sample), _truth(sample))):
                parts.append(
                    f'<image x="{x}" y="{height + down * (TILE + 2)}" width="{TILE}" '
                    f'height="{TILE}" href="data:image/png;base64,{_png(picture)}"/>'
                )
        height += 2 * TILE + 2 + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
    return head + f'width="{width}" height="{height}">\n' + "\n".join(parts) + "\n</svg>\n"


def _image(sample: Sample) -> NDArray[np.float32]:
    return _flat(sample.image.mean(axis=0))


def _truth(sample: Sample) -> NDArray[np.float32]:
    greys = np.linspace(1, 0.4, len(sample.target), dtype=np.float32)
    shades = greys.reshape(-1, *[1] * (sample.target.ndim - 1))
    return _flat((sample.target * shades).max(axis=0))


def _flat(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return two dimensions, no side longer than a tile."""
    if array.ndim == 3:
        array = array.max(axis=1)
    step = -(-max(array.shape) // TILE)
    return array[::step, ::step]


def _png(picture: NDArray[np.float32]) -> str:
    import PIL.Image

    levels = np.rint(np.clip(picture, 0, 1) * (LEVELS - 1)).astype(np.uint8)
    image = PIL.Image.fromarray(levels, mode="P")
    image.putpalette([grey for k in range(LEVELS) for grey in [round(255 * k / (LEVELS - 1))] * 3])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, bits=4)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
