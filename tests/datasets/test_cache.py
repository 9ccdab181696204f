"""The cache of drawn samples: same bits, own key, nothing half-written."""

import numpy as np
import pytest

from topoeval import datasets
from topoeval.datasets.cache import Cache, cache_folder
from topoeval.datasets.cardiac import Cardiac
from topoeval.datasets.generate import generate


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Use a cache of the test's own."""
    monkeypatch.setenv("TOPOEVAL_CACHE", str(tmp_path))
    return tmp_path


def load(**params):
    """Return three small samples of several classes, with noisy labels."""
    given = {"side": 48, "structure": "all", "label_noise": "gaps"} | params
    return datasets.load("cardiac", "train", 3, **given)


def same(a, b):
    """Assert that two samples are equal in everything."""
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.target, b.target)
    np.testing.assert_array_equal(a.clean, b.clean)
    assert a.image.dtype == b.image.dtype
    assert a.target.dtype == b.target.dtype
    for fact in ("case", "prior", "betti", "spacing", "label"):
        assert getattr(a, fact) == getattr(b, fact), fact


def test_read_samples_are_the_drawn_ones(folder, monkeypatch):
    """Nothing is lost on the way through the file, and nothing is drawn twice."""
    drawn = list(load())
    monkeypatch.setattr(Cardiac, "draw", None)
    for a, b in zip(drawn, load(), strict=True):
        same(a, b)


def test_whatever_decides_the_content_is_in_the_key(folder):
    """Another seed has other cases; another parameter or split's knob another folder."""
    keys = {
        dataset.cache().key
        for dataset in (
            load(),
            load(side=64),
            load(structure="myocardium"),
            load(label_noise="none"),
            load(difficulty="hard"),
            load(wall=7.0),
            datasets.load("cardiac", "shifted", 1, side=48),
        )
    }
    assert len(keys) == 7
    assert load(seed=1).cache().key == load().cache().key
    assert load(seed=1).case(0) != load().case(0)


def test_a_revision_has_its_own_folder(folder):
    """Samples of an older generator are not taken for new ones."""
    assert Cache(folder, "a", "1", {}).key != Cache(folder, "a", "2", {}).key


def test_a_damaged_file_is_drawn_anew(folder):
    """Half a file, as a full disk leaves it, does no harm (D3)."""
    drawn = load()[0]
    (path,) = load().cache().folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    same(load()[0], drawn)
    assert path.stat().st_size > 100


def test_a_failed_write_leaves_nothing(folder, monkeypatch):
    """No temporary file stays behind."""
    monkeypatch.setattr("topoeval.datasets.cache.np.savez", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load()[0]
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_processes_fill_a_cache_with_the_same_bits(folder):
    """One process or two: the samples are those that a plain loop draws."""
    loop = [load().draw(load().case(index)) for index in range(3)]
    for a, b in zip(loop, generate(load(), processes=2), strict=True):
        same(a, b)
    assert len(list(load().cache().folder.glob("*.npz"))) == 3


def test_where_the_cache_is(monkeypatch, tmp_path):
    """The variable names it, empty turns it off, and without one it is where caches are."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")
    assert cache_folder() is None
    monkeypatch.setenv("TOPOEVAL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TOPOEVAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "topoeval"
