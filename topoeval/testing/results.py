"""What a check returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar
from unittest import SkipTest

S = TypeVar("S")
Outcome = Literal["passed", "failed", "not applicable"]


class NotApplicable(SkipTest):
    """Raised by a check that does not concern its subject, with the reason; a skip to pytest."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check; `message` says what failed, or why it does not apply."""

    name: str
    outcome: Outcome
    message: str = ""


def outcomes(checks: Iterable[Callable[[S], None]], subject: S) -> list[CheckResult]:
    """Run all checks on `subject`, whatever some of them find."""
    return [_outcome(check, subject) for check in checks]


def _outcome(check: Callable[[S], None], subject: S) -> CheckResult:
    name = check.__name__.removeprefix("check_").replace("_", " ")
    try:
        check(subject)
    except NotApplicable as reason:
        return CheckResult(name, "not applicable", str(reason))
    except Exception as error:  # what a plugin raises is the finding
        return CheckResult(name, "failed", f"{type(error).__name__}: {error}".splitlines()[0])
    return CheckResult(name, "passed")
