"""``--plugin``, and what of plug-ins the lists show."""

from importlib.metadata import EntryPoint

import pytest

from topoeval import registry
from topoeval.losses import LOSSES

LOSS = """
from topoeval.losses import LOSSES, LossInfo, TargetLoss


@LOSSES.register("squares")
class Squares(TargetLoss):
    info = LossInfo(
        name="squares", title="Squares [b]", ndims=(2, 3), needs_target=True, needs_prior=False,
        multiclass="channels one by one", cost="cheap", citation="none",
    )

    def per_class(self, probabilities, target, prepared=None):
        return {"squares": ((probabilities - target) ** 2).flatten(2).mean(-1)}
"""


@pytest.fixture
def broken_point(monkeypatch):
    """An installed package whose loss cannot be imported."""
    point = EntryPoint("splintered", "nowhere_at_all:Loss", "topoeval.losses")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    monkeypatch.delitem(LOSSES.__dict__, "_plugins", raising=False)
    yield
    LOSSES.__dict__.pop("_plugins", None)


def test_a_broken_plugin_is_a_row(call, broken_point, tmp_path):
    """The list says which and why, and goes on with the others."""
    (tmp_path / "half.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "squares.py").write_text(LOSS)
    status, out, errors = call(
        "list", "losses", "--plugin", "half.py", "--plugin", "squares.py", "--plugin", "absent.py"
    )
    assert (status, errors) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "broken" in rows["half.py"]
    assert "No module named 'nothing" in " ".join(out.split())
    assert "broken" in rows["absent.py"]
    assert "registers loss squares" in rows["squares.py"]
    assert "broken" in rows["splintered"]
    assert "ModuleNotFoundError" in rows["splintered"]
    assert "Squares [b]" in rows["squares"]
    assert "available" in rows["dice"]


def test_what_a_plugin_brings_has_a_card_with_it_only(call, tmp_path):
    """Without it the message says which option is missing."""
    (tmp_path / "circles.py").write_text(LOSS.replace("squares", "circles"))
    status, _, errors = call("info", "circles")
    assert status == 2
    assert "nothing is called 'circles' (what a plug-in brings needs --plugin FILE)" in errors
    status, out, _ = call("info", "circles", "--plugin", "circles.py")
    assert (status, out.startswith("circles (loss, available)")) == (0, True)


def test_a_broken_plugin_has_no_card_but_a_reason(call, broken_point):
    """The name is known, so that is no mistake of the user's."""
    status, out, _ = call("info", "splintered")
    assert status == 0
    assert "splintered (loss, broken)" in out
    assert "No module named 'nowhere_at_all'" in out


def test_install_lines_are_printed_whole(call):
    """Rich takes [homcloud] for a style and leaves it out, unless it is told not to."""
    out = call("list", "backends")[1]
    assert '"topoeval[homcloud]"' in out or "homcloud   available" in out


def test_a_command_that_needs_a_broken_plugin_stops_in_one_line(call, tmp_path):
    """Unlike a list, it cannot go on without what was named."""
    (tmp_path / "half.py").write_text("x = 1\n1 / 0\n")
    for arguments in (["info", "dice"], ["plan", "quickstart"], ["run", "quickstart"]):
        status, _, errors = call(*arguments, "--plugin", "half.py")
        assert status == 2
        assert errors == (
            "topoeval: plug-in half.py is broken: ZeroDivisionError: division by zero (line 2)\n"
        )


def test_a_suite_names_its_plugins_beside_it(call, tmp_path, monkeypatch):
    """Relative to the file and not to where the command is called."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "squares.py").write_text(LOSS)
    (folder / "suite.toml").write_text(
        """
        schema = 1
        name = "tiny"
        title = "Tiny [/b]"
        seeds = [0]
        methods = ["cross_entropy"]
        plugins = ["./squares.py"]
        [start]
        losses = [{ name = "squares" }]
        training = { epochs = 1 }
        [training]
        epochs = 1
        [[dataset]]
        name = "strokes"
        sizes = { train = 4, test = 4 }
        """
    )
    status, out, errors = call("plan", "mine/suite.toml")
    assert (status, errors) == (0, "")
    assert "Tiny [/b]" in out
    assert "2 to run" in out
