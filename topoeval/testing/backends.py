"""The specification of a persistence backend, as checks that anyone can run on theirs."""

from __future__ import annotations

from collections.abc import Callable

from topoeval.persistence.backends import BACKENDS, Backend
from topoeval.testing import bars, calls
from topoeval.testing.results import CheckResult, outcomes


def backend_checks() -> list[Callable[[Backend], None]]:
    """Return the checks, for ``pytest.mark.parametrize``.

    Each takes a backend and raises `AssertionError` when its result is wrong, or `NotApplicable`,
    which pytest shows as a skip. Its docstring says in one sentence what is asked.

    Examples
    --------
    >>> from topoeval.persistence.backends.native import Native
    >>> for check in backend_checks()[:2]:
    ...     check(Native())
    """
    return [
        bars.check_info_is_complete,
        bars.check_refuses_with_a_reason,
        bars.check_construction_is_read,
        bars.check_direction_is_read,
        bars.check_border_is_read,
        bars.check_small_images,
        bars.check_anisotropic_shapes,
        bars.check_one_pixel_axes,
        bars.check_thin_images,
        bars.check_larger_images,
        bars.check_essential_classes,
        bars.check_constant_images,
        bars.check_ties,
        bars.check_saturated_half_precision,
        bars.check_dimension_subsets,
        calls.check_table_is_well_formed,
        calls.check_locations_hold_the_values,
        calls.check_dtypes,
        calls.check_float64_is_kept,
        calls.check_large_integers,
        calls.check_byte_order,
        calls.check_memory_layout,
        calls.check_read_only_input,
        calls.check_input_is_left_alone,
        calls.check_batch_is_its_images,
        calls.check_deterministic,
        calls.check_threads_change_nothing,
        calls.check_python_threads,
        calls.check_leaks_nothing,
        calls.check_serves_compute,
    ]


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
    if isinstance(backend, str):
        backend = BACKENDS.load(backend)
    return outcomes(backend_checks(), backend() if isinstance(backend, type) else backend)


def assert_backend(backend: str | type[Backend] | Backend) -> None:
    """Raise an `AssertionError` that lists the checks which `backend` fails, one a line."""
    results = check_backend(backend)
    failures = [result for result in results if result.outcome == "failed"]
    if failures:
        lines = "\n".join(f"{result.name}: {result.message}" for result in failures)
        raise AssertionError(f"{len(failures)} of {len(results)} checks failed\n{lines}")
