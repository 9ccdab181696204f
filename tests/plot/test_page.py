"""The page of a barcode: what it holds is the image, its bars and its Betti numbers."""

import base64
import json
import re

import numpy as np
import pytest

from topoeval import Topology, UserError
from topoeval.metrics import betti_numbers
from topoeval.persistence import compute
from topoeval.plot import barcode_page


def held(page):
    """Return the data of a page."""
    text = re.search(r'<script id="data" type="application/json">(.*?)</script>', page).group(1)
    return json.loads(text)


@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
@pytest.mark.parametrize("shape", [(9, 11), (5, 6, 7), (40, 50)])
def test_masks_and_betti_numbers_are_exact(shape, direction):
    """At each threshold of the page the mask is the image's, and counted from its components."""
    image = np.random.default_rng(1).random(shape, np.float32)
    topology = Topology.parse(f"V-{direction}")
    data = held(
        barcode_page(image, compute(image[None], topology, spatial_dims=image.ndim), title="noise")
    )
    levels = np.frombuffer(base64.b64decode(data["voxels"]), np.uint8).reshape(data["shape"])
    assert len(data["thresholds"]) == min(image.size, 256)
    for number in range(0, len(data["thresholds"]), 7):
        threshold = data["thresholds"][number]
        above = direction == "superlevel"
        mask = image >= threshold if above else image <= threshold
        np.testing.assert_array_equal(levels >= number if above else levels <= number, mask)
        assert data["betti"][number] == betti_numbers(mask, Topology("V")).tolist()


def test_bars_lead_to_their_voxels():
    """A ring is born at its brightest pixel, its hole ends where the darkest is."""
    image = np.zeros((5, 7), np.uint8)
    image[1:4, 1:4], image[2, 2], image[1, 1] = 200, 50, 250
    bars = held(barcode_page(image, compute(image[None], Topology("T")), title="ring"))["bars"]
    component, hole = bars
    assert component == {"dim": 0, "ends": [250, None], "voxels": [1 * 7 + 1, None]}
    assert (hole["dim"], hole["ends"], hole["voxels"][1]) == (1, [200, 50], 2 * 7 + 2)


def test_the_longest_bars_are_listed():
    """In each dimension, with the number of all of them beside."""
    image = np.random.default_rng(2).random((30, 30))
    found = compute(image[None], Topology("V"))
    page = barcode_page(image, found, title="noise", max_bars=5)
    bars = held(page)["bars"]
    assert [bar["dim"] for bar in bars] == [0] * 5 + [1] * 5
    lengths = np.sort(found.select(dim=1).lengths(image.min(), image.max()))[::-1]
    np.testing.assert_allclose([bar["ends"][0] - bar["ends"][1] for bar in bars[5:]], lengths[:5])
    assert f"{len(found.select(dim=1))} bars of holes" in " ".join(page.split())


@pytest.mark.parametrize(("ndim", "side"), [(2, 256), (3, 64)])
def test_a_page_is_small_and_asks_for_nothing(ndim, side):
    """Below 3 MB for noise, which has the most bars there can be; no address is in it."""
    image = np.random.default_rng(3).random((side,) * ndim, np.float32)
    bars = compute(image[None], Topology("T"), spatial_dims=ndim)
    page = barcode_page(image, bars, title="noise")
    assert len(page.encode()) < 3e6
    frame = page.replace(json.dumps(held(page)["voxels"]), "")
    assert not re.search(r"https?:|\bsrc=|url\(|import ", frame)
    assert "default-src 'none'" in page


def test_a_title_is_text():
    """A file may be called anything."""
    image = np.eye(3)
    page = barcode_page(image, compute(image[None]), title="</script><b>x</b>")
    assert "<b>x" not in page


def test_what_no_page_can_show():
    """An image of another shape than that of the bars."""
    bars = compute(np.zeros((1, 4, 5)))
    with pytest.raises(UserError, match=r"shape \(5, 4\) for bars of \(4, 5\)"):
        barcode_page(np.zeros((5, 4)), bars, title="x")
