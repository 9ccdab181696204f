"""Tests keep nothing outside their own folders."""

import pytest


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    """Datasets are drawn anew; a test that wants a cache names one."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")
