"""Method folders anywhere: found by their paths, known by their names."""

import re

import pytest

from topoeval import UserError
from topoeval.harness.plans.plan import plan, plan_selected
from topoeval.harness.suites.catalogue import load_suite, read_method
from topoeval.harness.suites.parameters import with_params
from topoeval.harness.suites.selection import Filters
from topoeval.harness.tuning.tuning import for_trials, space_of

METHOD = """
name = "mine"
title = "Mine"
regime = "supervised"
losses = [{ name = "dice", weight = 0.25 }]
[search]
weight = [0.1, 0.2]
"""


@pytest.fixture
def suite(suite_file, tmp_path):
    """The tiny suite, somewhere, with a method folder beside it."""

    def load(methods='"cross_entropy", "./mine"', method=METHOD, folder="mine", **more):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "method.toml").write_text(method)
        text = re.sub(r"methods = .*", f"methods = [{methods}]", suite_file.read_text())
        text = re.sub(r"\[override[^[]*", "", text)
        head = "".join(f"{key} = {value}\n" for key, value in more.items())
        suite_file.write_text(head + text)
        return load_suite(str(suite_file))

    return load


def test_a_folder_beside_the_suite(suite, monkeypatch, tmp_path):
    """Wherever the command is called from; in the plan it has the name of its folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    asked = suite('"cross_entropy", "./mine", "./mine[weight=0.5]"')
    runs = {run.method.label: run for run in plan(asked)}
    assert set(runs) >= {"mine", "mine[weight=0.5]", "cross_entropy"}
    assert runs["mine"].method.losses[0].weight == 0.25
    assert suite(reference='"./mine"').reference == "mine"
    selected = plan_selected(asked, Filters(methods=["mine[weight=0.25]"]))
    assert {run.method.label for run in selected if run.task == "restore"} == {"start", "mine"}


def test_its_space_is_searched(suite):
    """A search reads the folder's own [search]."""
    asked = suite()
    (run,) = (run for run in plan(asked) if run.method.name == "mine")
    assert space_of(for_trials(asked), run.method) == {"weight": (0.1, 0.2)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": '"./yours"'}, "yours/method.toml: cannot be read"),
        ({"method": METHOD.replace("mine", "mein")}, "name is 'mein', but the folder is called"),
        (
            {
                "method": METHOD.replace("mine", "dice_ce"),
                "folder": "dice_ce",
                "methods": '"./dice_ce"',
            },
            "'dice_ce' is one of topoeval's own",
        ),
        ({"methods": '"mine"'}, "unknown method 'mine'"),
        ({"methods": '"./mine", "../mine"'}, "mine/method.toml: cannot be read"),
    ],
)
def test_folders_that_cannot_be_used(suite, changes, words):
    """Refused in one line that names the file."""
    with pytest.raises(UserError, match=words):
        plan(suite(**changes))


def test_a_broken_module(tmp_path):
    """The code of a method is loaded like a plug-in, and breaks like one."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "method.toml").write_text(METHOD)
    (folder / "module.py").write_text("1 / 0")
    with pytest.raises(UserError, match=r"module.py is broken: ZeroDivisionError"):
        read_method(folder)


MODULE = """
from topoeval.losses import LOSSES, LossInfo, TargetLoss


@LOSSES.register("mine")
class Mine(TargetLoss):
    info = LossInfo(
        name="mine", title="Mine", ndims=(2,), needs_target=True, needs_prior=False,
        multiclass="none", cost="cheap", citation="none",
    )

    def __init__(self, *, first=1.0, **more):
        super().__init__(**more)
"""


def test_an_edited_module_has_the_parameters_of_its_new_code(tmp_path):
    """What is kept about a method in one process is kept by the content of its code."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "method.toml").write_text(METHOD.replace('"dice"', '"mine"'))
    (folder / "module.py").write_text(MODULE)
    assert with_params(read_method(folder).method, {"first": 2.0}).losses[0].params == {
        "first": 2.0
    }
    (folder / "module.py").write_text(MODULE.replace("first", "other"))
    changed = read_method(folder).method
    assert with_params(changed, {"other": 2.0}).losses[0].params == {"other": 2.0}
    with pytest.raises(UserError, match="no parameter 'first'"):
        with_params(changed, {"first": 2.0})
