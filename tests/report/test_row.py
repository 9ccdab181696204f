"""Rows: what is averaged, paired, marked and timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.conftest import make_record, row_of, separated, summary_of
from topoeval.errors import UserError
from topoeval.report.caption import caption_lines


def test_row_holds_mean_over_cases_then_seeds(tmp_path: Path) -> None:
    """Two runs of mean 0.5 and 0.7 average to 0.6."""
    runs = [
        make_record(seed=0, dice=[0.4, 0.6], right=[True, False]),
        make_record(seed=1, dice=[0.7, 0.7], right=[True, True]),
    ]
    row = row_of(summary_of(tmp_path, runs), "cross_entropy")
    assert row.estimates["dice"].mean == pytest.approx(0.6)
    assert row.estimates["matches_truth"].mean == pytest.approx(0.75)
    assert row.estimates["dice"].n == 2


def test_method_with_failed_runs_has_no_star(tmp_path: Path) -> None:
    """Winning on the seeds that survived is no win."""
    diverged = make_record("dice_ce", seed=5, status="diverged")
    summary = summary_of(tmp_path, [*separated(), diverged])
    row = row_of(summary, "dice_ce")
    assert (row.ok, row.total) == (5, 6)
    assert not row.better


def test_start_is_marked_and_does_not_compete(tmp_path: Path) -> None:
    """The common checkpoint comes first and cannot win, even with the best numbers."""
    summary = summary_of(tmp_path, separated(("cross_entropy", "dice_ce", "start")))
    assert summary.rows[0].title.endswith("(start)")
    assert not summary.rows[0].better
    assert "dice" in row_of(summary, "dice_ce").better


def test_difference_is_paired_by_seed(tmp_path: Path) -> None:
    """A constant lead over noisy seeds shows as a narrow difference; the reference has none."""
    summary = summary_of(tmp_path, separated())
    difference = row_of(summary, "dice_ce").differences["dice"]
    assert difference.mean == pytest.approx(0.206)
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


def test_a_row_is_compared_with_its_own_base(tmp_path: Path) -> None:
    """What its record names, else what a correction starts from, else the reference."""
    names = ("cross_entropy", "dice_ce", "betti_prior_sup", "betti_prior_post", "largest_component")
    changes = {
        "betti_prior_sup": {"spec.method.base": "dice_ce"},
        "largest_component": {"spec.method.starts_from": "betti_prior_sup"},
    }
    runs = [make_record(name, seed=s, changes=changes.get(name)) for name in names for s in (0, 1)]
    summary = summary_of(tmp_path, runs)
    assert summary.bases("strokes") == {
        "Dice + cross-entropy": "Cross-entropy",
        "Betti prior, supervised": "Dice + cross-entropy",
        "Betti prior, post-processing": "Cross-entropy",
        "Largest component": "Betti prior, supervised",
    }
    assert row_of(summary, "cross_entropy").base == ""
    assert all(row.same for row in summary.rows if row.base)


def test_a_base_that_was_not_run_is_said(tmp_path: Path) -> None:
    """The difference stays empty, and the caption names row and base."""
    missing = make_record("dice_ce", changes={"spec.method.base": "dice"})
    summary = summary_of(tmp_path, [make_record(), missing])
    assert not row_of(summary, "dice_ce").differences["dice"].measured
    words = "No difference for Dice + cross-entropy: the base 'dice' was not run"
    assert any(line.startswith(words) for line in caption_lines(summary))


def test_rows_on_two_devices_have_each_its_own_base(tmp_path: Path) -> None:
    """A base of the same device, backend and precision is meant."""
    runs = [
        make_record(
            name,
            changes={"spec.device": device} | ({"spec.method.base": "tversky"} if added else {}),
        )
        for device in ("cpu", "cuda")
        for name, added in (("tversky", False), ("dice_ce", True))
    ]
    bases = summary_of(tmp_path, [*runs, make_record()]).bases("strokes")
    assert bases["Dice + cross-entropy [device=cuda]"] == "tversky [device=cuda]"


def test_the_caption_says_what_numbers_rest_on(tmp_path: Path) -> None:
    """Estimator, family, base, topology, prior, threshold, network, oracle, tuning, load."""
    network = {"name": "unet", "channels": [8, 16], "norm": "instance"}
    changes = {"spec.network": network, "spec.dataset.params": {"prior": "measured"}}
    names = ("cross_entropy", "dice_ce", "largest_component")
    runs = [make_record(name, seed=s, changes=changes) for name in names for s in range(5)]
    text = "\n".join(caption_lines(summary_of(tmp_path, runs)))
    for words in (
        "95 % interval over seeds and cases, which are crossed",
        "Holm's correction over the 2 methods that have a base",
        "difference is that of a row to its own base",
        "T-construction",
        "prior: oracle, each image's own Betti numbers",
        "foreground is p ≥ 0.5",
        "network: unet 8-16 (instance norm)",
        "Exactly the answers of the base: Dice + cross-entropy, Largest component.",
        "Told the prior of each test image (see above): Largest component.",
        "do not say whether a search chose",
        "do not say how loaded the machine was",
    ):
        assert words in text


def test_of_exclusive_classes_no_threshold_decides(tmp_path: Path) -> None:
    """The caption says that the largest logit does; of one class it names the threshold."""
    several = {"spec.dataset.params": {"structure": "all"}}
    for changes, words in (
        (several, "foreground is the class of the largest logit"),
        ({}, "foreground is p ≥ 0.5"),
    ):
        folder = tmp_path / str(len(changes))
        summary = summary_of(folder, [make_record(dataset="cardiac", changes=changes)])
        assert words in "\n".join(caption_lines(summary))
