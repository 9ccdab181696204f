"""Every registered backend against `topoeval.testing`, the specification of a plugin."""

import os
import subprocess
import sys

import numpy as np
import pytest

from topoeval import Topology, UnavailableError
from topoeval.persistence import BACKENDS, compute
from topoeval.registry import State
from topoeval.testing import NotApplicable, backend_checks

# What each says of itself does not apply to it; anything else skipped is a fault of the suite.
NOT_APPLICABLE = {
    "betti_matching": {"check_threads_change_nothing"},
    "cripser": {"check_threads_change_nothing"},
    "gudhi": {"check_threads_change_nothing"},
    "gudhi_sklearn": {"check_locations_hold_the_values", "check_threads_change_nothing"},
    "homcloud": {"check_threads_change_nothing"},
    "native": {"check_larger_images"},
    "oineus": set(),
    "ripser": {"check_locations_hold_the_values", "check_threads_change_nothing"},
    "torch": set(),
}


@pytest.fixture(scope="module", params=list(BACKENDS))
def backend(request):
    """One backend of each name; a visible skip, with its install line, where it is missing."""
    status = BACKENDS.status(request.param)
    if status.state is State.MISSING:
        pytest.skip(f"{request.param} is not installed: {status.reason}")
    return BACKENDS.load(request.param)()


@pytest.mark.parametrize("check", backend_checks(), ids=lambda check: check.__name__)
def test_conformance(backend, check):
    """Each check of the shipped suite, on each backend."""
    applies = check.__name__ not in NOT_APPLICABLE.get(backend.info.name, set())
    if applies:
        try:
            check(backend)
        except NotApplicable as reason:
            pytest.fail(f"skipped, though it applies: {reason}")
    else:
        with pytest.raises(NotApplicable):
            check(backend)


def test_what_is_known_without_the_libraries():
    """`info` is read, and what it refuses is refused, in an interpreter without any engine."""
    program = (
        "import sys\n"
        "from topoeval.persistence import BACKENDS\n"
        "from topoeval.topology import Topology\n"
        "for module in ('betti_matching', 'cripser', 'gudhi', 'homcloud', 'oineus', 'ripser',\n"
        "               'tcripser', 'topolosses', 'torch'):\n"
        "    sys.modules[module] = None  # importing it raises\n"
        "for name in BACKENDS:\n"
        "    info = BACKENDS._load(name).info\n"
        "    print(info.name, info.version, info.refusal(4, Topology()))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, env=environment
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(BACKENDS), done.stderr
    assert all("not 4" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "shape", "topology", "dims", "reason"),
    [
        ("ripser", (1, 4, 4), "T", None, r"dimension 0 only, not 1; ask for dims=\[0\]"),
        ("ripser", (1, 4, 4), "V", [0], "has the T-construction only, not V"),
        ("ripser", (1, 4, 4, 4), "T", [0], "2 spatial dimensions, not 3"),
        ("gudhi_sklearn", (1, 4, 4, 4), "T", None, "2 spatial dimensions, not 3"),
        ("betti_matching", (1, 4, 4), "T", None, "has the V-construction only, not T"),
        ("homcloud", (1, 4, 4), "T", None, "has the V-construction only, not T"),
    ],
)
def test_what_an_engine_cannot_do_it_says(name, shape, topology, dims, reason):
    """One line: which backend, what it can do, what it was asked."""
    if BACKENDS.status(name).state is State.MISSING:
        pytest.skip(f"{name} is not installed: {BACKENDS.status(name).reason}")
    with pytest.raises(UnavailableError, match=f"^backend '{name}' .*{reason}"):
        compute(
            np.zeros(shape), Topology(topology), dims, backend=name, spatial_dims=len(shape) - 1
        )


def test_install_lines_that_are_no_extra(monkeypatch):
    """Topolosses must come without its dependencies; the 2D route of GUDHI comes with GUDHI."""
    missing = dict.fromkeys(BACKENDS, ("a_module_that_is_not_there",))
    monkeypatch.setattr(BACKENDS, "_requires", missing)
    assert BACKENDS.status("betti_matching").reason == "pip install --no-deps topolosses"
    assert BACKENDS.status("gudhi_sklearn").reason == 'pip install "topoeval[gudhi]"'
    assert BACKENDS.status("oineus").reason == 'pip install "topoeval[oineus]"'


def test_versions_are_those_of_the_packages():
    """Read from the installed metadata; None where there is none."""
    from importlib.metadata import version

    for name in BACKENDS.available():
        info = BACKENDS.load(name).info
        assert info.version is None or info.version == version(info.package)
