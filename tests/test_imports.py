"""Importing is cheap, and arrows point down only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import topoeval

PACKAGE = Path(topoeval.__file__).parent
# A package may import itself and those on lower levels.
LEVELS = [
    {"errors", "images", "topology", "registry", "timing"},
    {"digital", "persistence"},
    {"metrics", "losses", "plot"},
    {"datasets", "evaluate", "statistics"},
    {"results", "training"},
    {"harness", "report"},
    {"bench"},
    {"cli"},
]
LEVEL = {name: height for height, names in enumerate(LEVELS) for name in names}


@pytest.mark.parametrize("name", sorted(LEVEL))
def test_imports_point_down(name):
    """The library never imports the harness; reports read records, not code that made them."""
    files = [PACKAGE / f"{name}.py"] if (PACKAGE / f"{name}.py").exists() else []
    files += (PACKAGE / name).rglob("*.py")
    assert files
    for path in files:
        for imported in re.findall(r"(?:from|import) topoeval\.(\w+)", path.read_text()):
            if imported != name and imported in LEVEL:
                assert LEVEL[imported] < LEVEL[name] or LEVEL[name] == 0, f"{path}: {imported}"


def test_importing_topoeval_imports_no_torch():
    """Nor anything else that takes long."""
    program = "import sys, topoeval; print(sorted({'torch', 'monai', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_parts_are_loaded_when_named():
    """`topoeval.metrics` works without an import of its own; a wrong name is an AttributeError."""
    assert topoeval.metrics.dice
    assert set(topoeval.__all__) <= set(dir(topoeval))
    with pytest.raises(AttributeError, match="nonsense"):
        topoeval.nonsense  # noqa: B018
