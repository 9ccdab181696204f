"""Plug-ins: one file that registers what it brings, named explicitly, known by its content."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap

import pytest

from topoeval import UserError, plugins
from topoeval.losses import LOSSES

LOSS = """
from topoeval.losses import LOSSES, LossInfo, TargetLoss


@LOSSES.register("squares")
class Squares(TargetLoss):
    info = LossInfo(
        name="squares", title="Squares", ndims=(2, 3), needs_target=True, needs_prior=False,
        multiclass="channels one by one", cost="cheap", citation="none",
    )

    def per_class(self, probabilities, target, prepared=None):
        return {"squares": ((probabilities - target) ** 2).flatten(2).mean(-1)}
"""


@pytest.fixture
def file(tmp_path):
    """A plug-in file with a loss, or with another text."""

    def write(text=LOSS, name="my_loss.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


def test_a_file_registers_and_is_known_by_its_bytes(file):
    """One file, one name; its source is the hash of its content and not its folder."""
    path = file()
    plugin = plugins.load(str(path))
    assert plugin.names == ["loss squares"]
    assert LOSSES.load("squares").__name__ == "Squares"
    source = LOSSES.source("squares")
    assert (source.kind, source.name, source.version) == ("file", "my_loss.py", "")
    assert source.hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert LOSSES.source("dice") is None


def test_loading_again_does_nothing_and_an_edited_file_is_loaded_anew(file):
    """Within the same second and with the same size, where an import cache would be stale."""
    path = file()
    assert plugins.load(str(path)) is plugins.load(str(path))
    before = LOSSES.source("squares").fingerprint
    path.write_text(LOSS.replace('"Squares"', '"Cubes!!"'))
    plugins.load(str(path))
    assert LOSSES.load("squares").info.title == "Cubes!!"
    assert LOSSES.source("squares").fingerprint != before
    assert not list(path.parent.glob("__pycache__"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", r"my_loss.py is broken: ZeroDivisionError: division by zero \(line 1\)"),
        ("def", "SyntaxError"),
        ("import sys\nsys.exit('no')", r"SystemExit: no \(line 2\)"),
        ("x = 1", "registers nothing"),
        (LOSS.replace("squares", "dice"), "loss 'dice' of my_loss.py: the name is taken by topoe"),
        (LOSS.replace('"squares")', '"a b")'), "a name has letters, digits"),
        (LOSS.replace("info =", "card ="), "is no loss: a class with a LossInfo as its info"),
        (LOSS + LOSS, "the name is taken by my_loss.py and cannot be replaced"),
    ],
)
def test_a_broken_plugin_is_one_line_and_leaves_nothing_behind(file, text, words):
    """What it registered before it broke is taken back; a built-in name is never replaced."""
    before = list(LOSSES)
    with pytest.raises(UserError, match=words) as raised:
        plugins.load(str(file(text)))
    assert "\n" not in str(raised.value)
    assert list(LOSSES) == before
    assert plugins.loaded() == []
    assert LOSSES.source("dice") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere.py", "there is no such file"),
        ("no_such_module", "no module of this name"),
        ("./", "it is a folder"),
    ],
)
def test_what_is_not_there(text, words):
    """A path or a module that does not exist is named with the reason."""
    with pytest.raises(UserError, match=words):
        plugins.load(text)


def test_a_module_and_a_package_by_name(file, tmp_path, monkeypatch):
    """A package of several files is known by all of them."""
    package = tmp_path / "strange_losses"
    package.mkdir()
    (package / "__init__.py").write_text("import strange_losses.squares\n")
    (package / "squares.py").write_text(LOSS)
    monkeypatch.syspath_prepend(tmp_path)
    source = plugins.load("strange_losses").source
    assert LOSSES.source("squares") == source
    (package / "squares.py").write_text(LOSS + "# edited\n")
    assert plugins._of_module("strange_losses").hash != source.hash
    monkeypatch.delitem(sys.modules, "strange_losses")
    monkeypatch.delitem(sys.modules, "strange_losses.squares")


def test_a_module_of_an_installed_package_is_known_by_its_version():
    """Its files may differ between machines, for example by how they were built."""
    source = plugins._of_module("rich.text")
    assert (source.kind, source.name.lower(), source.hash) == ("distribution", "rich", "")
    assert source.fingerprint == f"{source.name} {source.version}"


def test_another_process_loads_the_same(file):
    """The variable that workers inherit names the file; nothing else does."""
    plugins.load(str(file()))
    program = (
        "from topoeval import plugins; from topoeval.losses import LOSSES\n"
        "before = 'squares' in LOSSES; plugins.load_in_worker()\n"
        "print(before, LOSSES.source('squares').hash)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", LOSSES.source("squares").hash], done.stderr
    assert json.loads(os.environ["TOPOEVAL_PLUGINS"]) == [plugins.loaded()[0].place]
