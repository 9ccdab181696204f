"""Running the checks of `topoeval.testing.checks` on a backend, as a report or as tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from unittest import SkipTest

from topoeval.persistence.backends import BACKENDS, Backend
from topoeval.testing.checks import CHECKS

Check = Callable[[Backend], None]
Outcome = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check; ``message`` says what is wrong, or why it does not apply."""

    name: str
    outcome: Outcome
    message: str = ""


def backend_checks() -> list[Check]:
    """Return the checks, for ``pytest.mark.parametrize``.

    Each takes a backend and raises `AssertionError` when it answers wrong, or
    `unittest.SkipTest`, which pytest shows as a skip, where the check does not apply to it. The
    first line of its docstring says what is asked.

    Examples
    --------
    >>> from topoeval.persistence.backends.native import Native
    >>> for check in backend_checks()[:2]:
    ...     check(Native())
    """
    return list(CHECKS)


def check_backend(backend: str | type[Backend] | Backend) -> list[CheckResult]:
    """Run all checks on a backend, given by its name, its class or an instance.

    Whatever the backend raises is the failure of that check; only a crash of the interpreter ends
    the run. Takes some seconds with a fast engine.

    Raises
    ------
    UserError
        Unknown name.
    UnavailableError
        The backend of that name is not installed or broken.

    Examples
    --------
    >>> results = check_backend("native")
    >>> sorted({result.outcome for result in results})
    ['not applicable', 'passed']
    """
    backend = _instance(backend)
    return [run_check(check, backend) for check in CHECKS]


def assert_backend(backend: str | type[Backend] | Backend) -> None:
    """Raise an `AssertionError` that lists the checks which `backend` fails, one a line."""
    failures = [result for result in check_backend(backend) if result.outcome == "failed"]
    if failures:
        lines = "\n".join(f"{result.name}: {result.message}" for result in failures)
        raise AssertionError(f"{len(failures)} of {len(CHECKS)} checks failed\n{lines}")


def run_check(check: Check, backend: Backend) -> CheckResult:
    """Run one check; whatever it raises is its outcome."""
    try:
        check(backend)
    except SkipTest as reason:
        return CheckResult(check.__name__, "not applicable", str(reason))
    except Exception as error:  # whatever a backend raises is what is wrong with it
        named = isinstance(error, AssertionError)
        message = str(error) if named else f"{type(error).__name__}: {error}"
        return CheckResult(check.__name__, "failed", message)
    return CheckResult(check.__name__, "passed")


def _instance(backend: str | type[Backend] | Backend) -> Backend:
    if isinstance(backend, str):
        backend = BACKENDS.load(backend)
    return backend() if isinstance(backend, type) else backend
