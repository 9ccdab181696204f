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
# Torchvision of the package index is built for CUDA and cannot be imported beside torch for the CPU
# (docs/nnunet.md, pitfalls); nnU-Net and Lightning import it and call none of its operators.
WITHOUT_OPERATORS = """
import torch
if torch.version.cuda is None:
    for name in ("nms", "qnms"):
        schema = "(Tensor dets, Tensor scores, float threshold) -> Tensor"
        torch.library.define(f"torchvision::{name}", schema)
"""


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
    program = f"import runpy; runpy.run_path({str(EXAMPLES / f'{name}.py')!r}, run_name='__main__')"
    if importlib.util.find_spec("torchvision"):
        program = WITHOUT_OPERATORS + program
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loss " in done.stdout
