"""doctor, check, bench and barcode as a user meets them."""

import os
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from topoeval.persistence import BACKENDS
from topoeval.testing import CheckResult


@pytest.fixture
def call(call, monkeypatch):
    """Run the command line on a terminal of 120 columns."""
    monkeypatch.setenv("COLUMNS", "120")
    return call


def state_of(output, name):
    """Return the rest of the line that begins with a name."""
    return next(
        line.split(maxsplit=1)[1] for line in output.splitlines() if line.split()[:1] == [name]
    )


def test_doctor_in_health(call):
    """Every kind of thing has its state; all that can be used here is installed."""
    status, output, _ = call("doctor")
    assert status == 0, output
    for name in ("python", "torch", "engine", "cpu", "native", "betti_prior", "strokes"):
        assert state_of(output, name).startswith("installed"), name
    assert state_of(output, "mnist").startswith("needs data")
    for name in BACKENDS.available():
        assert state_of(output, name).startswith("installed"), name


def test_doctor_names_what_is_missing(call, monkeypatch):
    """With the line that installs it; that is no reason to fail."""
    monkeypatch.setitem(BACKENDS._requires, "cripser", ("no_such_module",))
    status, output, _ = call("doctor")
    assert status == 0
    assert state_of(output, "cripser").split() == [
        "missing",
        "pip",
        "install",
        '"topoeval[cripser]"',
    ]


def test_doctor_finds_what_is_broken(call, monkeypatch):
    """A library that is there but fails, or answers wrong, is broken with the reason."""
    from topoeval.persistence.backends import native

    class Failing(native.Native):
        def compute(self, images, topology, dims):
            raise OSError("libsomething.so.1: cannot open")

    class Wrong(native.Native):
        def compute(self, images, topology, dims):
            return super().compute(-images, topology, dims)

    plugins = {"failing": Failing, "wrong": Wrong}
    monkeypatch.setattr(
        BACKENDS, "_plugins", {**BACKENDS._plugins, **dict.fromkeys(plugins)}, raising=False
    )
    load = BACKENDS._load
    monkeypatch.setattr(BACKENDS, "_load", lambda name: plugins.get(name) or load(name))
    status, output, _ = call("doctor")
    assert status == 0
    assert "OSError: libsomething.so.1: cannot open" in state_of(output, "failing")
    assert "a ring has the bars" in state_of(output, "wrong")
    assert state_of(output, "native").startswith("installed")


def test_doctor_names_a_torchvision_that_does_not_fit(call, monkeypatch, tmp_path):
    """With nnU-Net there, which then finds no trainer from outside; the core is whole."""
    import topoeval.cli.examination as examination

    (tmp_path / "torchvision.py").write_text(
        'raise RuntimeError("operator torchvision::nms does not exist")'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    looked_up = examination.version
    monkeypatch.setattr(
        examination, "version", lambda name: "2.8.1" if name == "nnunetv2" else looked_up(name)
    )
    status, output, _ = call("doctor")
    assert status == 0
    assert state_of(output, "nnunetv2").split() == ["installed", "2.8.1"]
    words = " ".join(output.split())
    assert "broken RuntimeError: operator torchvision::nms does not exist" in words
    assert "torch and torchvision from one index" in words.replace("  ", " ")


def test_the_command_of_the_trainers_names_it_too(tmp_path):
    """Before the training that would fail; the folder stays alone on stdout."""
    (tmp_path / "nnunetv2.py").touch()
    (tmp_path / "torchvision.py").write_text('raise RuntimeError("operator\\nmissing")')
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "topoeval.nnunet"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.count("\n") == 1
    last = told.stderr.splitlines()[-1]
    assert last.startswith("none of them will be found: RuntimeError: operator missing; nnU-Net")
    assert "torch and torchvision from one index" in last
    (tmp_path / "torchvision.py").write_text("")
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "none of them" not in told.stderr


def test_doctor_of_a_broken_core(call, monkeypatch):
    """An engine that does not load is status 1, and everything else is still said."""
    from topoeval.persistence.backends.native import Native

    def fail(*_):
        raise ImportError("_native was built for another Python")

    monkeypatch.setattr(Native, "compute", fail)
    status, output, _ = call("doctor")
    assert status == 1
    assert "built for another Python" in state_of(output, "engine")
    assert state_of(output, "strokes").startswith("installed")


def test_check_prints_each_outcome_and_its_status(call, monkeypatch):
    """Status 1 where a check failed; what does not apply is no failure."""
    results = [
        CheckResult("ties", "passed"),
        CheckResult("threads", "not applicable", "it has none"),
        CheckResult("border", "failed", "V-framed: 3 bars [2 expected]"),
    ]
    monkeypatch.setattr("topoeval.testing.check_backend", lambda name: results[: int(name)])
    status, output, _ = call("check", "3")
    assert status == 1
    assert "V-framed: 3 bars [2 expected]" in output
    assert "3: 1 passed, 1 failed, 1 not applicable" in output
    assert call("check", "2")[0] == 0


def test_check_runs_the_conformance_suite(call, monkeypatch):
    """The beginning of it, on the engine itself, which passes; tests/testing runs the whole."""
    from topoeval.testing import backends

    first = backends.backend_checks()[:4]
    monkeypatch.setattr(backends, "backend_checks", lambda: first)
    status, output, _ = call("check", "native")
    assert status == 0, output
    assert state_of(output, "construction").split() == ["is", "read", "passed"]
    assert "native: 4 passed, 0 failed, 0 not applicable" in output


def test_bench_prints_writes_and_remakes(call, tmp_path, monkeypatch):
    """Tables on the terminal; records, page and figures in the folder; the same from records."""
    from topoeval.backend_timing import cases

    tiny = cases.Plan(images=(8,), volumes=(), kinds=("noise",), memory_kinds=(), repeats=1)
    monkeypatch.setattr(cases, "QUICK", tiny)
    status, output, _ = call("bench", "backends", "native", "--quick", "--out", "out")
    assert status == 0, output
    assert "CPU time in ms" in output
    names = {"records.json", "README.md", "backends-noise.svg", "backends-noise.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    page = (tmp_path / "out" / "README.md").read_text()
    (tmp_path / "out" / "README.md").unlink()
    assert call("bench", "backends", "--records", "out/records.json")[0] == 0
    assert (tmp_path / "out" / "README.md").read_text() == page


def test_barcode_of_a_picture(call, tmp_path):
    """A ring in a PNG: one component, one hole, and where they are."""
    ring = np.zeros((5, 7), np.uint8)
    ring[1:4, 1:4], ring[2, 2] = 200, 50
    PIL.Image.fromarray(ring).save("ring.png")
    status, output, _ = call("barcode", "ring.png", "--out", "ring.svg")
    assert status == 0, output
    assert "T-construction (foreground 8, background 4), superlevel" in output
    assert "H1: 1 bars" in output
    hole = next(line for line in output.splitlines() if line.split()[:3] == ["200", "50", "150"])
    assert hole.rstrip().endswith("2, 2")
    assert (tmp_path / "ring.svg").read_text().startswith("<?xml")


def test_barcode_as_a_page(call, tmp_path):
    """Beside the printed table, a page with the name of the image."""
    np.save("scan.v2.npy", np.eye(6, dtype=np.float32))
    status, output, _ = call("barcode", "scan.v2.npy", "--html")
    assert status == 0, output
    assert output.splitlines()[-1] == "scan.v2.html"
    page = (tmp_path / "scan.v2.html").read_text(encoding="utf-8")
    assert "<h1>scan.v2.npy</h1>" in page


def test_barcode_of_a_volume(call):
    """Sublevel, V; the longest bars only."""
    np.save("volume.npy", np.random.default_rng(0).random((5, 6, 7)))
    status, output, _ = call("barcode", "volume.npy", "--topology", "V-sublevel", "--bars", "2")
    assert status == 0
    assert "V-construction (foreground 6, background 26), sublevel" in output
    assert all(f"H{dim}: " in output for dim in range(3))
    assert "..." in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["barcode", "nowhere.png"], "nowhere.png: no such file"),
        (["barcode", "colour.npy"], "save one channel"),
        (["barcode", "grey.npy", "--topology", "X"], "topology construction must be one of V, T"),
        (["barcode", "grey.npy", "--out", "a.bmp"], "ends in .png, .svg or .pdf"),
        (["bench", "backends", "natve"], "did you mean 'native'"),
        (["bench", "backends", "--records", "nowhere.json"], "holds no records"),
        (["check", "natve"], "did you mean 'native'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(call, arguments, words):
    """Before anything is computed."""
    np.save("colour.npy", np.zeros((4, 4, 3)))
    np.save("grey.npy", np.zeros((4, 4)))
    status, _, errors = call(*arguments)
    assert (status, errors.count("\n")) == (2, 1), errors
    assert words in errors
