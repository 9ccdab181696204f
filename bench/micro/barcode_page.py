"""Frames a second while the slider of a barcode's page moves, and the size of the page.

    python bench/micro/barcode_page.py [--frames 180]

Needs playwright and Chromium or Chrome on this machine. A 256 x 256 image and a 64^3 volume of
noise, smooth and rough; the slider takes its next value in every frame that the browser draws, and
the screen of a headless browser has 60 frames a second. Printed as Markdown.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from scipy.ndimage import gaussian_filter

from topoeval import Topology
from topoeval.persistence import compute
from topoeval.plot import barcode_page

BROWSERS = ("chromium", "google-chrome", "chrome")
MOVE = """
frames => new Promise(done => {
  const slider = document.querySelector('input[type=range]');
  const times = [];
  function frame(now) {
    times.push(now);
    if (times.length > frames) return done(times);
    const next = Number(slider.value) + 1;
    slider.value = next > Number(slider.max) ? 0 : next;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
})
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=180)
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is on this machine")
    rng = np.random.default_rng(0)
    print("| image | page, MB | frames a second | slowest of 20 frames, ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for shape in ((256, 256), (64, 64, 64)):
            for sigma in (0.0, 2.0):
                image = rng.random(shape).astype(np.float32)
                if sigma:
                    image = gaussian_filter(image, sigma)
                bars = compute(image[None], Topology("T"), spatial_dims=len(shape))
                path = Path(folder, "page.html")
                path.write_text(barcode_page(image, bars, title="Noise"), encoding="utf-8")
                page = browser.new_page()
                page.goto(path.as_uri())
                gaps = np.diff(page.evaluate(MOVE, options.frames))
                page.close()
                kind = f"{' x '.join(map(str, shape))}, {'smooth' if sigma else 'rough'}"
                rate, slow = 1000 / gaps.mean(), np.quantile(gaps, 0.95)
                size = path.stat().st_size / 1e6
                print(f"| {kind} | {size:.2f} | {rate:.0f} | {slow:.0f} |", flush=True)


if __name__ == "__main__":
    main()
