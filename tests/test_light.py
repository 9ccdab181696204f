"""The light installation, which has neither torch nor MONAI: what works, and what names the extra.

Where torch is installed, each test starts a process in which importing it or MONAI fails.
"""

import json
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

INSTALL = 'pip install "topoeval[train]"'
BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "monai"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
COMMAND = "from topoeval.cli import main\nsys.argv = ['topoeval', *sys.argv[1:]]\nmain()"


def python(program, *arguments, cwd=None):
    """Run a program where neither torch nor MONAI can be imported."""
    return subprocess.run(
        [sys.executable, "-P", "-c", BLOCK + program, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of three masks each: rings, the predictions one voxel to the side."""
    root = tmp_path_factory.mktemp("masks")
    for name, shift in (("predictions", 1), ("truths", 0)):
        (root / name).mkdir()
        for case in range(3):
            mask = np.zeros((32, 32), np.uint8)
            mask[6 + shift : 26 + shift, 6:26] = 255
            mask[12 : 18 + case, 12:18] = 0
            PIL.Image.fromarray(mask).save(root / name / f"case_{case}.png")
    return root


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("evaluate", "predictions", "truths", "--topology", "V", "--html"), "dice"),
        (("compare", "predictions", "truths", "truths", "--topology", "V"), "differences"),
        (("audit", "truths"), "label maps"),
        (("barcode", "truths/case_0.png", "--topology", "V"), "H1: 1 bars"),
        (("list", "losses"), INSTALL),
        (("list", "remedies"), INSTALL),
        (("list", "datasets"), "strokes"),
        (("info", "betti_prior_post"), "arXiv 1910.01877"),
        (("doctor",), INSTALL),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands_that_need_no_torch(folders, arguments, expected):
    """They end with exit status 0 and print what they print elsewhere."""
    done = python(COMMAND, *arguments, cwd=folders)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in " ".join(done.stdout.split()), done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("run", "quickstart"), ("plan", "quickstart"), ("tune", "quickstart"), ("check", "native")],
    ids=lambda arguments: arguments[0],
)
def test_commands_that_train_name_the_extra(arguments, tmp_path):
    """One line, exit status 2, and nothing is left behind."""
    done = python(COMMAND, *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "needs torch, which is not installed" in done.stderr
    assert done.stderr.rstrip().endswith(INSTALL)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "statement",
    [
        "from topoeval.losses import DiceLoss",
        "from topoeval.losses import LOSSES; LOSSES.load('dice')",
        "from topoeval.networks import NETWORKS; NETWORKS.load('unet').build",
        "import topoeval.training",
        "import topoeval.testing",
        "import topoeval.metrics.wrappers",
    ],
)
def test_parts_of_the_library_name_the_extra(statement):
    """The error is an ImportError and an UnavailableError, and its message has the line to type."""
    program = (
        "from topoeval import UnavailableError\n"
        f"try:\n    {statement}\nexcept UnavailableError as error:\n"
        "    print(isinstance(error, ImportError), error)\n"
    )
    done = python(program)
    assert done.stdout.startswith("True"), done.stdout + done.stderr
    assert done.stdout.rstrip().endswith(INSTALL), done.stdout


def test_arrays_have_barcodes_and_betti_numbers():
    """Persistence, matching and metrics of NumPy arrays are those of an installation with torch."""
    program = """
import json
import numpy as np
from topoeval import Topology
from topoeval.metrics import betti_numbers, score
from topoeval.persistence import compute, match
ring = np.zeros((1, 7, 7), np.float32)
ring[0, 1:6, 1:6] = 0.9
ring[0, 3, 3] = 0.1
bars = compute(ring, Topology("V"), spatial_dims=2)
pairs = match(ring, ring, Topology("V"), spatial_dims=2)
print(json.dumps([
    bars.betti_numbers(threshold=0.5).tolist(),
    betti_numbers(ring > 0.5, Topology("V"), spatial_dims=2).tolist(),
    ((pairs.p_birth != -2) & (pairs.g_birth != -2)).tolist(),
    score(ring[0] > 0.5, ring[0] > 0.5, columns=["dice", "hd95"]),
]))
"""
    done = python(program)
    assert done.returncode == 0, done.stderr
    betti, of_mask, matched, scores = json.loads(done.stdout)
    assert betti == of_mask == [[1, 1]]
    assert matched == [True, True]
    assert scores == {"dice": 1.0, "hd95": 0.0}


@pytest.mark.parametrize(
    ("program", "without"),
    [
        ("import topoeval", {"numpy", "typer", "rich", "pandas", "importlib.metadata"}),
        (
            "from topoeval.cli import main\nsys.argv = ['topoeval', '--help']\n"
            "try: main()\nexcept SystemExit: pass",
            {"numpy", "pandas", "scipy", "skimage", "pydantic", "jinja2", "matplotlib"},
        ),
    ],
    ids=["import topoeval", "topoeval --help"],
)
def test_what_starts_quickly_imports_little(program, without):
    """The names of modules stand for the time, which depends on the machine."""
    done = python(f"{program}\nprint('heavy:', sorted({without!r} & set(sys.modules)))")
    assert done.stdout.splitlines()[-1] == "heavy: []", done.stdout + done.stderr
