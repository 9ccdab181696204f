"""Running the suite: by name, class or instance, as a report, as an error, as tests."""

import subprocess
import sys
from dataclasses import replace

import pytest

from topoeval import UserError
from topoeval.persistence.backends import IndexTable
from topoeval.persistence.backends.native import Native
from topoeval.testing import CheckResult, assert_backend, backend_checks, check_backend


class Loses(Native):
    """Gives no bars in the V-construction."""

    info = replace(Native.info, name="loses")

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        keep = slice(0) if topology.construction == "V" else slice(None)
        return IndexTable(*(column[keep] for column in table))


class Float32(Native):
    """Computes in float32 and says so."""

    info = replace(Native.info, name="float32", exact=False)

    def compute(self, images, topology, dims):
        return super().compute(images.astype("float32"), topology, dims)


class Nothing(Native):
    """Promises something and supports nothing."""

    info = replace(Native.info, name="nothing")

    def supports(self, ndim, topology, dims=None):
        return "is out of order"


def test_a_name_a_class_and_an_instance_are_checked_alike():
    """All checks, in one order, each with an outcome and a message where one is due."""
    by_name = check_backend("native")
    assert by_name == check_backend(Native) == check_backend(Native(threads=2))
    assert [result.name for result in by_name] == [
        check.__name__.removeprefix("check_").replace("_", " ") for check in backend_checks()
    ]
    for result in by_name:
        assert bool(result.message) == (result.outcome != "passed"), result
    with pytest.raises(UserError, match="unknown backend 'nativ'; did you mean 'native'"):
        check_backend("nativ")


def test_a_float32_backend_that_says_so_passes():
    """The checks hold values that float32 represents; the two that do not, do not apply."""
    outcomes = {result.name: result.outcome for result in check_backend(Float32)}
    skipped = {name for name, outcome in outcomes.items() if outcome == "not applicable"}
    assert skipped == {"float64 is kept", "large integers"}
    assert "failed" not in outcomes.values()


def test_failures_are_listed_in_one_error():
    """One line for each failure, none for what passed."""
    results = check_backend(Loses)
    failed = [result for result in results if result.outcome == "failed"]
    assert {"small images", "construction is read", "ties"} <= {result.name for result in failed}
    assert CheckResult("essential classes", "passed") not in results
    with pytest.raises(AssertionError) as caught:
        assert_backend(Loses())
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{len(failed)} of {len(results)} checks failed"
    assert lines[1:] == [f"{result.name}: {result.message}" for result in failed]


def test_a_backend_that_supports_nothing_does_not_pass():
    """Not by skipping everything."""
    outcomes = {result.name: result for result in check_backend(Nothing)}
    assert outcomes["refuses with a reason"].outcome == "failed"
    assert outcomes["small images"].message == "it supports nothing that info promises"


def test_a_right_backend_raises_nothing():
    """`assert_backend` returns in silence."""
    assert_backend("native")


def test_every_check_says_what_it_asks():
    """One sentence, for the report and for the author."""
    for check in backend_checks():
        first, *rest = check.__doc__.splitlines()
        assert first.endswith("."), check.__name__
        assert not rest, check.__name__


def test_no_other_library_is_needed():
    """Neither the suite nor its reference imports an engine but ours."""
    program = (
        "import sys\n"
        "for module in ('cripser', 'gudhi', 'oineus', 'ripser', 'tcripser'):\n"
        "    sys.modules[module] = None\n"
        "from topoeval.persistence.backends.native import Native\n"
        "from topoeval.testing import backend_checks\n"
        "checks = {check.__name__: check for check in backend_checks()}\n"
        "checks['check_small_images'](Native())\n"
        "print(len(checks))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == str(len(backend_checks())), done.stderr
