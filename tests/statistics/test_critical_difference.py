"""Friedman, Nemenyi and the diagram, against what Demšar published (JMLR 7, 2006)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from topoeval.errors import UserError
from topoeval.metrics import metric_of
from topoeval.statistics.critical_difference import (
    critical_difference,
    critical_value,
    nemenyi,
)

# Table 5(a): two-tailed Nemenyi test at 0.05, for 2 to 10 methods.
PUBLISHED = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
# Table 6: areas under the curve of four variants of C4.5 on 14 sets of data. Two are equal as
# printed (0.975) and ranked apart in the paper, so one of them is a little larger here.
AUC = pd.DataFrame(
    [
        (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657), (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625), (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.97501, 0.975), (0.957, 0.978, 0.946, 0.970),
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)  # fmt: skip
DICE = metric_of("dice")


@pytest.mark.parametrize(("methods", "value"), list(enumerate(PUBLISHED, start=2)))
def test_critical_values_are_the_published_ones(methods: int, value: float) -> None:
    """To the last of the three digits printed."""
    assert critical_value(methods) == pytest.approx(value, abs=0.001)


def test_the_published_example_is_reproduced() -> None:
    """Mean ranks 3.143, 2.000, 2.893 and 1.964, critical difference 1.25 at 0.05."""
    found = critical_difference(AUC, DICE)
    assert found is not None
    assert round(found.difference, 2) == 1.25
    published = {"C4.5": 3.143, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert found.mean_ranks.to_dict() == pytest.approx(published, abs=0.001)
    assert list(found.mean_ranks.index)[:2] == ["C4.5+m+cf", "C4.5+m"]
    # At 0.05 the diagram has one bar: the paper separates some of them at 0.10 only.
    assert found.p < 0.05
    assert found.groups == (tuple(found.mean_ranks.index),)


def test_pairs_closer_than_the_critical_difference_have_larger_p() -> None:
    """scikit-posthocs' p-values and the critical difference tell the same pairs apart."""
    rng = np.random.default_rng(0)
    blocks = pd.DataFrame(rng.normal(np.arange(6) * 0.8, 1, (12, 6)), columns=list("abcdef"))
    found = critical_difference(blocks, DICE)
    assert found is not None
    ranks = found.mean_ranks
    far = np.abs(np.subtract.outer(ranks.to_numpy(), ranks.to_numpy())) >= found.difference
    small = found.pairs.loc[ranks.index, ranks.index].to_numpy() <= 0.05
    assert far.any()
    assert (far == small).all()
    for group in found.groups:
        assert ranks[list(group)].max() - ranks[list(group)].min() < found.difference


def test_a_method_far_from_all_others_is_in_no_group() -> None:
    """Bars join only what is not separated."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(9, 0.1, (30, 1)), rng.normal(0, 1, (30, 2))], axis=1)
    found = critical_difference(pd.DataFrame(values, columns=["a", "b", "c"]), DICE)
    assert found is not None
    assert found.groups == (tuple(found.mean_ranks.index[1:]),)
    assert found.mean_ranks.index[0] == "a"


def test_incomplete_blocks_are_left_out_and_counted() -> None:
    """A block without a method ranks others too well."""
    blocks = AUC.copy()
    blocks.iloc[3, 0] = np.nan
    found = critical_difference(blocks, DICE)
    assert found is not None
    assert (found.blocks, found.dropped) == (13, 1)
    assert "1 incomplete" in found.text()


def test_a_failure_without_a_worst_score_is_ranked_last() -> None:
    """Infinity has a rank like any number."""
    blocks = AUC.copy()
    blocks.iloc[0, 3] = np.inf
    found = critical_difference(blocks, metric_of("betti_error"))
    finite = critical_difference(blocks.replace(np.inf, 9.0), metric_of("betti_error"))
    assert found is not None
    assert finite is not None
    assert found.mean_ranks.to_dict() == finite.mean_ranks.to_dict()


def test_ties_everywhere_are_no_evidence() -> None:
    """Friedman's statistic is undefined there; p is 1."""
    found = critical_difference(pd.DataFrame(np.ones((4, 3)), columns=list("abc")), DICE)
    assert found is not None
    assert found.p == 1.0


@pytest.mark.parametrize("shape", [(9, 2), (1, 4)])
def test_too_little_to_test_is_none(shape: tuple[int, int]) -> None:
    """Two methods, or one block."""
    assert critical_difference(pd.DataFrame(np.ones(shape)), DICE) is None


def test_the_level_is_a_probability() -> None:
    """A percentage is a mistake."""
    with pytest.raises(UserError, match="between 0 and 1, got 5"):
        critical_difference(AUC, DICE, alpha=5)


def test_more_blocks_make_the_difference_smaller() -> None:
    """By the root of their number."""
    assert nemenyi(5, 40) == pytest.approx(nemenyi(5, 10) / 2)
