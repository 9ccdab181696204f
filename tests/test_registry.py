"""Plugins: found lazily, with a state and a reason."""

from importlib.metadata import EntryPoint

import pytest

from topoeval import UnavailableError, UserError
from topoeval.registry import Registry, State


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
    with pytest.raises(UnavailableError, match="thing 'absent' is not installed"):
        things.load("absent")
    with pytest.raises(UnavailableError, match="thing 'broken' is broken: AttributeError"):
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
