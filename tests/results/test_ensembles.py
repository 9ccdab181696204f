"""Means of networks compared with those of a base: pairing, families, what has no value."""

import numpy as np
import pytest

from topoeval.results.ensembles import EnsembleScores, ensemble_frame, ensemble_rows
from topoeval.statistics.paired_cases import paired_difference_of_cases
from topoeval.statistics.pairs import holm

N = 40
CASES = tuple(f"case{i}" for i in range(N))


def scores(arm, errors, repaired=None, dataset="roads"):
    """Scores of a method whose networks have one error more than their mean."""
    return EnsembleScores(
        dataset=dataset,
        arm=arm,
        seeds=(0, 1, 2),
        cases=CASES,
        single={"betti_error": errors + 1.0, "b0": errors},
        mean={"betti_error": errors, "b0": errors},
        repaired={} if repaired is None else {"edit": {"betti_error": repaired, "b0": repaired}},
    )


@pytest.fixture
def errors():
    """Errors of a base, of a method that is better, and of one that is like the base."""
    rng = np.random.default_rng(0)
    base = rng.poisson(3.0, N).astype(float)
    better = np.maximum(base - rng.poisson(1.5, N), 0)
    return base, better, np.maximum(base + rng.choice([-1.0, 0.0, 1.0], N), 0)


BASES = {"roads": {"Better": "Dice", "Like": "Dice", "Same": "Dice"}}


def test_a_mean_is_compared_with_that_of_its_own_base(errors):
    """By case; Holm over the rows that have a base; a base has no difference of its own."""
    base, better, like = errors
    found = [
        scores("Dice", base),
        scores("Better", better, repaired=np.zeros(N)),
        scores("Like", like),
        scores("Same", base.copy()),
    ]
    rows = {row.title: row for row in ensemble_rows(found, BASES)}
    assert {row.score for row in rows.values()} == {"betti_error"}, "b0 has no better direction"
    expected = {
        "Better": paired_difference_of_cases(better, base),
        "Better, edit": paired_difference_of_cases(np.zeros(N), better),
        "Like": paired_difference_of_cases(like, base),
        "Same": paired_difference_of_cases(base, base),
    }
    corrected = dict(zip(expected, holm([one.p for one in expected.values()]), strict=True))
    for title, one in expected.items():
        row = rows[title]
        assert (row.difference, row.p, row.p_holm) == (one.mean, one.p, corrected[title])
        np.testing.assert_equal((row.low, row.high), (one.low, one.high))
    assert rows["Better"].verdict == rows["Better, edit"].verdict == "better"
    assert rows["Like"].verdict == "not separated"
    assert rows["Same"].verdict == "as its base"
    assert rows["Better"].single == pytest.approx(better.mean() + 1)
    assert rows["Better"].ensemble == pytest.approx(better.mean())
    # the control of a remedy is the mean alone
    assert (rows["Better, edit"].base, rows["Better, edit"].remedy) == ("Better", "edit")
    assert np.isnan(rows["Better, edit"].single)
    assert rows["Dice"].verdict == rows["Dice"].base == ""
    assert np.isnan(rows["Dice"].difference)
    assert next(iter(rows)) == "Dice", "what others are compared with comes first"
    by_gain = [row.difference for row in rows.values() if row.base]
    assert by_gain == sorted(by_gain)


def test_a_higher_score_is_better_where_higher_is_better():
    """Dice: the same differences, the other sign."""
    rng = np.random.default_rng(1)
    base, more = rng.uniform(0.5, 0.6, N), rng.uniform(0.6, 0.9, N)

    def of(arm, values):
        return EnsembleScores("d", arm, (0, 1), CASES, {"dice": values}, {"dice": values}, {})

    rows = ensemble_rows(
        [of("A", base), of("B", more), of("C", base - 0.1)], {"d": {"B": "A", "C": "A"}}
    )
    assert [(row.method, row.verdict) for row in rows] == [
        ("A", ""),
        ("B", "better"),
        ("C", "worse"),
    ]


def test_datasets_are_families_of_their_own(errors):
    """A p-value of one is not corrected for the tests of the other."""
    base, _, like = errors
    here = [scores("Dice", base), scores("Like", like)]
    there = [scores(*one, dataset="rings") for one in (("Dice", base), ("Like", like))]
    rows = ensemble_rows(here + there, {name: {"Like": "Dice"} for name in ("roads", "rings")})
    likes = [row for row in rows if row.method == "Like"]
    assert [row.dataset for row in likes] == ["roads", "rings"]
    assert all(row.p_holm == row.p for row in likes)


def test_what_has_no_value(errors):
    """A case that nobody has is left out; a method with a hole of its own has no mean."""
    base, better, like = (values.copy() for values in errors)
    for values in (base, better, like):
        values[3] = np.nan
    like[7] = np.nan
    rows = {row.title: row for row in ensemble_rows(
        [scores("Dice", base), scores("Better", better), scores("Like", like)], BASES
    )}  # fmt: skip
    assert rows["Better"].cases == N - 1
    kept = np.arange(N) != 3
    expected = paired_difference_of_cases(better[kept], base[kept])
    assert (rows["Better"].difference, rows["Better"].p) == (expected.mean, expected.p)
    assert np.isnan(rows["Like"].ensemble)
    assert np.isnan(rows["Like"].difference)
    assert rows["Like"].verdict == ""


def test_a_base_that_is_not_there_leaves_no_difference(errors):
    """And the column Base is empty."""
    _, better, _ = errors
    (row,) = ensemble_rows([scores("Better", better)], BASES)
    assert (row.base, row.verdict) == ("", "")
    assert np.isnan(row.difference)


def test_the_frame_has_every_field(errors):
    """In full precision and in the order of the rows."""
    base, better, _ = errors
    rows = ensemble_rows([scores("Dice", base), scores("Better", better)], BASES)
    frame = ensemble_frame(rows)
    assert frame["method"].tolist() == ["Dice", "Better"]
    assert frame.loc[1, "difference"] == rows[1].difference
    assert {"single", "ensemble", "p_holm", "verdict", "rests_on"} <= set(frame)
