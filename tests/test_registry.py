"""Plugins: found lazily, with a state and a reason."""

from importlib.metadata import EntryPoint, entry_points, version

import pytest

from topoeval import UnavailableError, UserError
from topoeval.registry import Registry, Source, State


def registry(**builtin):
    return Registry(
        "thing", builtin, group="topoeval.test_things", requires={"absent": ("nowhere",)}
    )


def test_states():
    """Available, missing with an install line, broken with its reason; none raises."""
    things = registry(pi="math:pi", absent="math:e", broken="math:nothing_like_this")
    assert things.status("pi").state is State.AVAILABLE
    assert things.status("absent").state is State.MISSING
    assert 'pip install "topoeval[absent]"' in things.status("absent").reason
    assert things.status("broken").state is State.BROKEN
    assert "nothing_like_this" in things.status("broken").reason
    assert things.available() == ["pi"]


def test_loading_what_cannot_be_loaded():
    """The message names the thing and the remedy."""
    things = registry(absent="math:e", broken="math:nothing_like_this")
    with pytest.raises(UnavailableError, match=r"thing 'absent' is not installed"):
        things.load("absent")
    with pytest.raises(UnavailableError, match=r"thing 'broken' is broken: AttributeError"):
        things.load("broken")
    with pytest.raises(UserError, match="unknown thing 'brokn'; did you mean 'broken'"):
        things.load("brokn")


def test_entry_points_add_but_never_replace(monkeypatch):
    """An installed package must not change what a recorded name means."""
    points = [
        EntryPoint("tau", "math:tau", "topoeval.test_things"),
        EntryPoint("pi", "math:e", "topoeval.test_things"),
    ]
    monkeypatch.setattr("topoeval.registry.entry_points", lambda group: points)
    things = registry(pi="math:pi")
    assert list(things) == ["pi", "tau"]
    assert things.load("pi") == pytest.approx(3.14159, abs=1e-5)
    assert things.load("tau") == pytest.approx(6.28318, abs=1e-5)


def test_a_plugin_of_the_wrong_kind_is_broken():
    """Validation happens at the border, with the plugin's name."""

    def is_text(plugin):
        if not isinstance(plugin, str):
            raise TypeError("not a text")

    things = Registry("thing", {"pi": "math:pi"}, group="topoeval.test_things", validate=is_text)
    assert things.status("pi").reason == "TypeError: not a text"


def test_registering():
    """A function call or a decorator; a name that is taken says by whom."""
    things = registry(pi="math:pi")
    assert things.register("tau", 6.28, source=Source("file", "tau.py", hash="0" * 64)) == 6.28
    assert list(things) == ["pi", "tau"]
    assert things.load("tau") == 6.28
    assert things.status("tau").state is State.AVAILABLE
    assert things.source("tau").name == "tau.py"
    assert things.source("pi") is None

    @things.register("twice")
    def twice(x):
        return 2 * x

    assert things.load("twice") is twice
    assert twice(2) == 4
    assert things.source("twice").name == "test_registry.py"
    with pytest.raises(UserError, match=r"thing 'pi' of this.*taken by topoeval itself"):
        things.register("pi", 3)
    with pytest.raises(UserError, match=r"thing 'tau' of this.*taken by tau.py"):
        things.register("tau", 3)
    things.forget("tau")
    assert "tau" not in things
    with pytest.raises(UserError, match="unknown thing 'tau'"):
        things.source("tau")


def test_an_entry_point_has_the_version_of_its_distribution(monkeypatch):
    """That is what tells results of one version from those of another."""
    (point,) = (one for one in entry_points(group="console_scripts") if one.name == "topoeval")
    monkeypatch.setattr("topoeval.registry.entry_points", lambda group: [point])
    source = registry().source("topoeval")
    assert (source.kind, source.name) == ("distribution", "topoeval")
    assert source.fingerprint == f"topoeval {version('topoeval')}"
