"""The examples of losses in frameworks run; each asserts what it shows."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "losses"
NEEDS = {
    "monai_deep_supervision": "monai",
    "nnunet_wrapper": "nnunetv2",
    "lightning_step": "lightning",
    "accelerate_loop": "accelerate",
}


def test_every_example_is_run():
    """None stands in the folder without a test."""
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_example(name):
    """In a process of its own, to its end."""
    library = NEEDS[name]
    if importlib.util.find_spec(library) is None:
        extra = '"topoeval[nnunet]"' if library == "nnunetv2" else library
        pytest.skip(f"pip install {extra} -c constraints.txt")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "loss " in done.stdout
