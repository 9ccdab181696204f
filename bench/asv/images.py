"""The kinds of image of this checkout, whatever commit is being measured.

asv installs the commit that it measures, and early ones have no such room; so the file is
read from the tree that the benchmarks lie in. It needs NumPy and SciPy alone.
"""

import runpy
from pathlib import Path

_source = runpy.run_path(
    str(Path(__file__).parents[2] / "topoeval" / "backend_timing" / "images.py")
)
KINDS, images = _source["KINDS"], _source["images"]
