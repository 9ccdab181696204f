"""Rows: what is averaged, paired, marked and timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.conftest import make_record, row_of, separated, summary_of
from topoeval.errors import UserError


def test_row_holds_mean_over_cases_then_seeds(tmp_path: Path) -> None:
    """Two runs of mean 0.5 and 0.7, the second of more cases, average to 0.6."""
    runs = [
        make_record(seed=0, dice=[0.4, 0.6], right=[True, False]),
        make_record(seed=1, dice=[0.7] * 8, right=[True] * 8),
    ]
    row = row_of(summary_of(tmp_path, runs), "cross_entropy")
    assert row.estimates["dice"].mean == pytest.approx(0.6)
    assert row.estimates["matches_truth"].mean == pytest.approx(0.75)
    assert row.estimates["dice"].n == 2


def test_method_with_failed_runs_is_not_best(tmp_path: Path) -> None:
    """Winning on the seeds that survived is no win."""
    diverged = make_record("dice_ce", seed=3, status="diverged")
    summary = summary_of(tmp_path, [*separated(), diverged])
    row = row_of(summary, "dice_ce")
    assert (row.ok, row.total) == (3, 4)
    assert not row.best


def test_start_is_marked_and_does_not_compete(tmp_path: Path) -> None:
    """The common checkpoint comes first and cannot win, even with the best numbers."""
    summary = summary_of(tmp_path, separated(("cross_entropy", "dice_ce", "start")))
    assert summary.rows[0].title.endswith("(start)")
    assert not summary.rows[0].best
    assert "dice" in row_of(summary, "dice_ce").best


def test_difference_is_paired_by_seed(tmp_path: Path) -> None:
    """A constant lead over noisy seeds shows as a narrow difference; the reference has none."""
    summary = summary_of(tmp_path, separated())
    difference = row_of(summary, "dice_ce").differences["dice"]
    assert difference.mean == pytest.approx(0.203)
    assert difference.high - difference.low < 0.02
    assert not row_of(summary, "cross_entropy").differences["dice"].measured


def test_unknown_reference_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt reference must not lead to a table without differences."""
    with pytest.raises(UserError, match="did you mean 'dice_ce'"):
        summary_of(tmp_path, separated(), reference="dice_cee")


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("backend", ("cripser", "gudhi")),
        ("device", ("cpu", "cuda")),
        ("precision", ("bfloat16", "float32")),
    ],
)
def test_ambiguous_reference_is_refused(tmp_path: Path, key: str, values: tuple[str, str]) -> None:
    """With two variants of the reference nobody knows which is meant; both are offered."""
    records = [make_record(changes={f"spec.{key}": value}) for value in values]
    labels = [f"Cross-entropy [{key}={value}]" for value in values]
    with pytest.raises(UserError, match="ambiguous on strokes") as refused:
        summary_of(tmp_path, records)
    words = str(refused.value)
    assert f"{labels[0]!r} and {labels[1]!r}" in words
    assert words.endswith(f"topoeval report RESULTS --reference '{labels[0]}'")
    assert "\n" not in words
    for label in labels:
        summary = summary_of(tmp_path, records, reference=label)
        assert summary.reference_title(summary.datasets[0]) == label


def test_time_per_case_is_given_for_work_per_case_only(tmp_path: Path) -> None:
    """Training is not adaptation."""
    summary = summary_of(tmp_path, [make_record(), make_record("largest_component")])
    times = {row.method: row.times["A"] for row in summary.rows}
    assert times["largest_component"].per_case.mean == pytest.approx(12.3 / 4)
    assert not times["largest_component"].step.measured
    assert not times["cross_entropy"].per_case.measured


def test_time_of_what_a_run_builds_on_counts(tmp_path: Path) -> None:
    """Correcting a trained network costs its training, too; the common start is free."""
    start = make_record("start")
    base = make_record("cross_entropy", changes={"spec.parents": {"start": start["id"]}})
    post = make_record("betti_prior_post", changes={"spec.parents": {"start": base["id"]}})
    summary = summary_of(tmp_path, [start, base, post])
    chain = {row.method: row.times["A"].chain.mean for row in summary.rows}
    assert chain["cross_entropy"] == pytest.approx(12.3)
    assert chain["betti_prior_post"] == pytest.approx(2 * 12.3)
