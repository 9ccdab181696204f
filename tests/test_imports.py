"""Importing is cheap, and arrows point down only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import topoeval
from topoeval import losses
from topoeval.losses import LOSSES

PACKAGE = Path(topoeval.__file__).parent
# A package may import itself and those on lower levels.
LEVELS = [
    {"errors", "images", "plugins", "topology", "registry", "timing"},
    {"digital", "persistence"},
    {"metrics", "losses", "plot"},
    {"datasets", "networks"},
    {"records"},
    {"evaluate", "statistics"},
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


@pytest.mark.parametrize(
    ("statements", "without"),
    [
        ("import topoeval.losses; topoeval.losses.LOSSES.status", {"torch", "monai", "scipy"}),
        ("from topoeval.losses import DiceLoss, LOSSES; LOSSES.load('topoloss')", {"monai"}),
        ("import topoeval.metrics, topoeval.training", {"monai", "scipy.stats"}),
        ("from topoeval.cli.catalogue import print_list; print_list('suites')", {"torch", "monai"}),
        ("from topoeval.cli.catalogue import print_info; print_info('dice_ce')", {"torch"}),
        (
            "from topoeval.cli import main\n"
            "sys.argv = ['topoeval', 'run', 'nosuch', '--method', 'betti_prior']\n"
            "try: main()\n"
            "except SystemExit as end: assert end.code == 2",
            {"torch", "monai", "scipy"},
        ),
        (
            "from topoeval.harness.suites.catalogue import load_suite\n"
            "from topoeval.harness.plans.plan import plan\n"
            "plan(load_suite('quickstart'))",
            {"monai"},
        ),
    ],
    ids=[
        "losses",
        "two losses",
        "metrics",
        "a list",
        "a card",
        "no such suite",
        "the plan of a suite",
    ],
)
def test_what_takes_seconds_to_import_is_left_to_who_needs_it(statements, without):
    """MONAI to networks, torch to losses; whoever lists, plans or checks waits for neither."""
    program = f"import sys\n{statements}\nprint(sorted({without!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr


def test_every_loss_is_a_name_of_its_package():
    """Though it is loaded when it is named."""
    for name in LOSSES:
        loss = LOSSES.load(name)
        assert getattr(losses, loss.__name__) is loss
        assert loss.__name__ in losses.__all__
    for name in losses.__all__:
        assert getattr(losses, name)
    assert dir(losses) == sorted(losses.__all__)
    with pytest.raises(ImportError, match="NonsenseLoss"):
        from topoeval.losses import NonsenseLoss  # noqa: F401


def test_the_parts_are_loaded_when_named():
    """`topoeval.metrics` works without an import of its own; a wrong name is an AttributeError."""
    assert topoeval.metrics.dice
    assert set(topoeval.__all__) <= set(dir(topoeval))
    with pytest.raises(AttributeError, match="nonsense"):
        topoeval.nonsense  # noqa: B018
