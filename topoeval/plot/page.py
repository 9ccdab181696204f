"""One page on which a slider moves the threshold through an image, and its bars follow."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import jinja2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.foreign_text import visible_lines
from topoeval.notebook import framed
from topoeval.persistence import Barcodes
from topoeval.plot.style import COLOURS, longest_first, one_image

# A voxel is a byte in the page: the number of a threshold.
_THRESHOLDS = 256
_VOXELS = 2**24
_NAMES = {
    2: (("component", "components"), ("hole", "holes")),
    3: (("component", "components"), ("loop", "loops"), ("cavity", "cavities")),
}


class Page(str):
    """A page of HTML, which a notebook shows in a frame."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return framed(self)


def barcode_page(
    picture: ArrayLike,
    bars: Barcodes[Any],
    *,
    title: str,
    image: int = 0,
    max_bars: int = 200,
) -> Page:
    """Return a page that shows an image, its barcode and its diagram at a threshold to be moved.

    The page is one HTML file without any request to a network; write it to a file, or let a
    notebook show it as the value of a cell. It holds the image at 256 thresholds at most: at each
    of them the mask and the Betti numbers are exact. Where the image has more values, the
    thresholds are evenly spaced from its least to its largest value.

    Parameters
    ----------
    picture
        ``(H, W)`` or ``(D, H, W)``, the image that `bars` were computed from.
    bars
        Its barcode, of an engine that gives voxels.
    title
        Heading of the page.
    image
        Number of the image in the batch of `bars`.
    max_bars
        Bars of each dimension that are listed and drawn, the longest first. Betti numbers count
        all bars.

    Raises
    ------
    UserError
        `picture` has another shape than the images behind `bars` or more than 2^24 voxels; there is
        no such image; or the bars have no voxels.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) / 2
    >>> page = barcode_page(ring, compute(ring[None], spatial_dims=2), title="A ring")
    >>> "<h1>A ring</h1>" in page
    True
    """
    values = np.asarray(picture)
    table = one_image(bars, image, None)
    if values.shape != table.spatial_shape:
        raise UserError(f"a picture of shape {values.shape} for bars of {table.spatial_shape}")
    if values.size > _VOXELS:
        raise UserError(f"{values.size} voxels, and a page holds {_VOXELS}; crop the image")
    thresholds = _thresholds(values)
    text = _template().render(
        title=title,
        reading=table.topology.describe(values.ndim),
        shape=" x ".join(map(str, values.shape)),
        ndim=values.ndim,
        names=_NAMES[values.ndim],
        colours=COLOURS,
        counts=[len(table.select(dim=dim)) for dim in table.dims],
        dims=table.dims,
        max_bars=max_bars,
        data={
            "shape": values.shape,
            "superlevel": table.topology.superlevel,
            "thresholds": thresholds.tolist(),
            "voxels": base64.b64encode(_levels(values, thresholds, table)).decode("ascii"),
            "betti": [table.betti_numbers(level)[0].tolist() for level in thresholds],
            "dims": table.dims,
            "names": _NAMES[values.ndim],
            "colours": COLOURS,
            "bars": [bar for dim in table.dims for bar in _longest(table, dim, max_bars, values)],
        },
    )
    return Page(visible_lines(text))


def _thresholds(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ascending thresholds: every value of the image, or evenly spaced ones."""
    distinct = np.unique(values).astype(np.float64)
    if len(distinct) <= _THRESHOLDS:
        return distinct
    return np.linspace(distinct[0], distinct[-1], _THRESHOLDS)


def _levels(values: NDArray[Any], thresholds: NDArray[Any], table: Barcodes[Any]) -> bytes:
    """Return the number of the last threshold at which each voxel is foreground, or of the first.

    The last, its value or the next below, in a superlevel filtration; else the first.
    """
    if table.topology.superlevel:
        levels = np.searchsorted(thresholds, values.ravel(), side="right") - 1
    else:
        levels = np.searchsorted(thresholds, values.ravel(), side="left")
    return levels.astype(np.uint8).tobytes()


def _longest(
    table: Barcodes[Any], dim: int, max_bars: int, values: NDArray[Any]
) -> list[dict[str, Any]]:
    """Return the longest bars of a dimension; infinite ends and the voxels there are None."""
    part = table.select(dim=dim)
    low, high = float(values.min()), float(values.max())
    rows = longest_first(part, low, high)[:max_bars]
    voxels = zip(part.birth_index[rows].tolist(), part.death_index[rows].tolist(), strict=True)
    ends = zip(part.birth[rows].tolist(), part.death[rows].tolist(), strict=True)
    return [
        {
            "dim": dim,
            "ends": [end if np.isfinite(end) else None for end in two],
            "voxels": [index if index >= 0 else None for index in places],
        }
        for two, places in zip(ends, voxels, strict=True)
    ]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("topoeval.plot"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("barcode.html.j2")
