"""Tests keep nothing outside their own folders."""

import pytest

from topoeval import plugins


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    """Datasets are drawn anew; a test that wants a cache names one."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")


@pytest.fixture(autouse=True)
def _no_plugins():
    """What a test registers, no other test sees."""
    yield
    for plugin in plugins.loaded():
        plugins.forget(plugin.place)
