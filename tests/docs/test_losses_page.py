"""docs/losses.md and its pictures are what the losses say today."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_losses_is_current():
    """`python docs/make_losses.py` would change no word; pictures exist for every loss.

    Pictures are compared by eye: the last bit of a gradient differs between processors, and with
    it the shade of a voxel now and then.
    """
    spec = importlib.util.spec_from_file_location("make_losses", DOCS / "make_losses.py")
    make_losses = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_losses)
    files = make_losses.page()
    assert files.pop("losses.md") == (DOCS / "losses.md").read_text(encoding="utf-8")
    assert {DOCS / name for name in files} == set((DOCS / "losses").glob("*.svg"))
