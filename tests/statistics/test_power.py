"""How many seeds and cases it would take."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics.conftest import simulate
from topoeval.statistics.crossed import Crossed, Mean, crossed
from topoeval.statistics.power import least_difference, power, power_note


def squares(mean: float, seed: float, case: float, rest: float, s: int, c: int) -> Crossed:
    """Return the expected mean squares of given variances."""
    values = (mean, rest + c * seed, rest + s * case, rest)
    return Crossed(*(np.array(value) for value in values), s, c)


@pytest.mark.parametrize("mean", [0.5, 1.0, 2.0])
def test_the_power_is_the_share_of_repetitions_that_separate(mean: float) -> None:
    """Simulated with the same variances."""
    rng = np.random.default_rng(0)
    draws = simulate(rng, (0.0,), seeds=6, cases=20, draws=4000, sd_case=0.0)[:, 0] + mean
    separated = Mean((crossed(draws),)).p_value() < 0.05
    expected = power([squares(mean, 2.0, 0.0, 1.0, 6, 20)])
    assert expected == pytest.approx(separated.mean(), abs=0.03)


def test_the_seeds_needed_are_the_fewest_that_suffice() -> None:
    """One fewer would not do."""
    part = squares(0.5, 1.0, 0.1, 1.0, 5, 50)
    note = power_note("a", "b", [part])
    assert note is not None
    assert note.seeds_needed is not None
    assert (
        power([part], seeds=note.seeds_needed) >= 0.8 > power([part], seeds=note.seeds_needed - 1)
    )


def test_cases_cannot_stand_in_for_seeds() -> None:
    """Where seeds differ much, no number of cases separates; and the other way round."""
    seeds_differ = power_note("a", "b", [squares(0.5, 1.0, 0.0, 1.0, 5, 50)])
    cases_differ = power_note("a", "b", [squares(0.1, 0.0, 1.0, 1.0, 5, 50)])
    assert seeds_differ is not None
    assert cases_differ is not None
    assert (seeds_differ.cases_factor, cases_differ.seeds_needed) == (None, None)
    assert cases_differ.cases_factor is not None
    assert "times the cases" in cases_differ.text()
    assert "seeds at the same cases" in seeds_differ.text()


def test_two_datasets_help_each_other() -> None:
    """Twice the same evidence separates more often than once."""
    part = squares(0.5, 1.0, 0.1, 1.0, 5, 50)
    assert power([part, part]) > power([part])


def test_a_constant_difference_has_no_power_to_speak_of() -> None:
    """Without spread there is nothing to compute with."""
    assert power_note("a", "b", [squares(0.5, 0.0, 0.0, 0.0, 5, 50)]) is None


@pytest.mark.parametrize("level", [0.95, 0.998])
def test_the_least_difference_is_separated_four_times_in_five(level: float) -> None:
    """Simulated with the same variances."""
    expected = squares(0.0, 0.2, 0.0, 1.0, 6, 20)
    least = least_difference(expected, level)
    rng = np.random.default_rng(0)
    draws = simulate(rng, (0.0,), seeds=6, cases=20, draws=4000, sd_case=0.0)[:, 0]
    # `simulate` has a variance of seeds of its own; the difference is in units of its error
    part = crossed(draws)
    error = np.sqrt(float(np.mean(part.by_seeds)))
    scaled = draws + least * error / np.sqrt(float(expected.by_seeds))
    separated = Mean((crossed(scaled),)).p_value() < 1 - level
    assert separated.mean() == pytest.approx(0.8, abs=0.03)


def test_more_seeds_see_smaller_differences() -> None:
    """And more cases; a difference that does not vary has none."""
    part = squares(0.1, 1.0, 0.5, 1.0, 5, 50)
    assert least_difference(part, seeds=20) < least_difference(part)
    assert least_difference(part, factor=4) < least_difference(part)
    assert np.isnan(least_difference(squares(0.5, 0.0, 0.0, 0.0, 5, 50)))


def test_a_very_large_difference_is_seen_for_certain() -> None:
    """The distribution function of the far tail is NaN in SciPy, and no reason to say nothing."""
    assert power([squares(5.0, 0.2, 0.0, 1.0, 10, 50)]) == pytest.approx(1.0)
