"""Backends that misbehave, as packages of their own: the child processes must find them, too."""

import pytest

from topoeval.persistence import BACKENDS

MODULE = '''
import os
import time
from dataclasses import replace

from topoeval.persistence.backends.base import IndexTable
from topoeval.persistence.backends.native import Native


class Sleepy(Native):
    """Never ends on anything larger than what it warms up on."""

    info = replace(Native.info, name="sleepy", title="Sleepy", ndims=(2,))

    def compute(self, images, topology, dims):
        if images.size > 64:
            time.sleep(60)
        return super().compute(images, topology, dims)


class Crashing(Native):
    """Takes the process with it."""

    info = replace(Native.info, name="crashing", title="Crashing", ndims=(2,))

    def compute(self, images, topology, dims):
        if images.size > 64:
            os._exit(3)
        return super().compute(images, topology, dims)


class Forgetful(Native):
    """Leaves out the last bar, and says so of its values."""

    info = replace(
        Native.info, name="forgetful", title="Forgetful", ndims=(2,), gives_locations=False
    )

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        return IndexTable(*(column[:-1] for column in table))


class Raising(Native):
    """Raises."""

    info = replace(Native.info, name="raising", title="Raising", ndims=(2,))

    def compute(self, images, topology, dims):
        if images.size > 64:
            raise MemoryError("no room for this")
        return super().compute(images, topology, dims)
'''


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    """Install the package for this test."""
    (tmp_path / "misbehaving.py").write_text(MODULE)
    info = tmp_path / "misbehaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    names = ("Sleepy", "Crashing", "Forgetful", "Raising")
    points = "\n".join(f"{name.lower()} = misbehaving:{name}" for name in names)
    (info / "entry_points.txt").write_text(f"[topoeval.backends]\n{points}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(BACKENDS.__dict__, "_plugins", raising=False)
    yield
    BACKENDS.__dict__.pop("_plugins", None)
