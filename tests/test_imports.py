"""Importing is cheap, and arrows point down only."""

import ast
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
    {"errors", "images", "limits", "plugins", "topology", "registry", "timing"},
    {"digital", "persistence"},
    {"metrics", "losses", "plot", "repair"},
    {"datasets", "networks"},
    {"records"},
    {"statistics"},
    {"evaluate"},
    {"results", "training", "nnunet"},
    {"harness", "report"},
    {"backend_timing"},
    {"cli"},
]
LEVEL = {name: height for height, names in enumerate(LEVELS) for name in names}
# The rooms of the harness: what is asked, a run, what would run, and what is made of runs.
ROOMS = [{"suites"}, {"runs"}, {"plans"}, {"timing", "tuning"}]
ROOM = {name: height for height, names in enumerate(ROOMS) for name in names}


def module_of(path):
    """The dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imports(module, text=None):
    """The modules of the package that a module imports, at its head or in a function.

    ``from topoeval import x`` is an import of ``topoeval.x``; what only types need does not count.
    """
    found = set()
    waiting = [ast.parse(text or MODULES[module].read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in MODULES else node.module for name in names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        waiting += ast.iter_child_nodes(node)
    return {name for name in found if name in MODULES and name != "topoeval"}


def test_every_form_of_import_is_seen():
    """The checks below can fail, whichever way something is imported."""
    text = """
from typing import TYPE_CHECKING
from topoeval import losses
from topoeval.errors import UserError
import topoeval.datasets as d
if TYPE_CHECKING:
    from topoeval import report
def f():
    from topoeval.harness.suites import suite, catalogue
"""
    assert imports("topoeval.cli", text) == {
        "topoeval.losses",
        "topoeval.errors",
        "topoeval.datasets",
        "topoeval.harness.suites.suite",
        "topoeval.harness.suites.catalogue",
    }


@pytest.mark.parametrize("name", sorted(LEVEL))
def test_imports_point_down(name):
    """The library never imports the harness; reports read records, not code that made them."""
    own = f"topoeval.{name}"
    mine = [module for module in MODULES if f"{module}.".startswith(f"{own}.")]
    assert mine
    for module in mine:
        for imported in {found.split(".")[1] for found in imports(module)} - {name}:
            lower = LEVEL.get(imported, -1) < LEVEL[name] or LEVEL[name] == 0
            assert lower, f"{module} imports {imported}"


@pytest.mark.parametrize("name", sorted(ROOM))
def test_the_harness_walks_downwards(name):
    """No room of the harness knows of one above it, nor of its neighbour."""
    own = f"topoeval.harness.{name}"
    for module in (one for one in MODULES if one.startswith(own)):
        for imported in imports(module):
            if imported.startswith("topoeval.harness.") and not imported.startswith(own):
                room = imported.split(".")[2]
                assert ROOM[room] < ROOM[name], f"{module} imports {imported}"


def test_no_module_imports_itself_through_others():
    """Neither at the head of a file nor in a function: whoever reads one file can stop there."""
    graph = {module: imports(module) - {module} for module in MODULES}
    # what is importing only names of finished modules is finished; a cycle never is
    finished = set()
    while ready := {one for one in graph if one not in finished and graph[one] <= finished}:
        finished |= ready
    left = {one: graph[one] - finished for one in graph if one not in finished}
    assert not left, left


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
