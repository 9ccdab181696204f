"""What `bench/gpu.py` runs: checks against the native engine, then timings."""

import sys
from pathlib import Path

# The images and the arguments of losses are those of a neighbouring script.
sys.path.insert(0, str(Path(__file__).parents[1] / "micro"))
