"""Reading records, and telling repetitions from variants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.conftest import make_record, write_records
from topoeval.errors import UserError
from topoeval.results.records import read


def test_runs_and_cases_have_a_row_each(tmp_path: Path) -> None:
    """Two runs of four cases make two and eight rows."""
    records = read(write_records(tmp_path, [make_record(seed=0), make_record(seed=1)]))
    assert len(records.runs) == 2
    assert len(records.cases) == 8
    assert records.cases.groupby("seed")["dice"].mean().tolist() == pytest.approx([0.875, 0.875])
    steps = records.runs.set_index("seed")["step_s"]
    assert (steps[0], steps[1]) == pytest.approx((0.024, 0.0241))


def test_time_without_a_column_counts_as_other(tmp_path: Path) -> None:
    """Parts add up to the step, whatever a harness calls them."""
    spans = {"network": 0.01, "backward": 0.02, "optimiser": 0.003}
    folder = write_records(tmp_path, [make_record(changes={"timing.per_step_s": spans})])
    run = read(folder).runs.iloc[0]
    assert (run["other_s"], run["persistence_s"]) == (0.003, 0.0)
    assert run["step_s"] == pytest.approx(0.033)


def test_failed_run_is_a_row_without_cases(tmp_path: Path) -> None:
    """The end of the traceback names the reason."""
    error = "Traceback (most recent call last):\n  File\nValueError: too dark\n"
    folder = write_records(tmp_path, [make_record(status="failed", error=error)])
    records = read(folder)
    assert records.runs["reason"].tolist() == ["ValueError: too dark"]
    assert records.cases.empty


def test_judges_are_not_rows(tmp_path: Path) -> None:
    """The classifier's training is no method; its accuracy is kept."""
    judge = make_record(
        "judge", changes={"spec.task": "judge", "summary": {"judge_accuracy": 0.98}}
    )
    records = read(write_records(tmp_path, [judge, make_record()]))
    assert records.runs["method"].tolist() == ["cross_entropy"]
    assert records.auxiliary["auxiliary_accuracy"].tolist() == [0.98]


def test_a_damaged_record_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    """One file does not stop a report, and is not left out in silence."""
    folder = write_records(tmp_path, [make_record()])
    (folder / "half.json").write_text("{")
    records = read(folder)
    assert len(records.runs) == 1
    assert [error.path.name for error in records.damaged] == ["half.json"]


def test_nothing_but_damage_is_an_error(tmp_path: Path) -> None:
    """Which says what the damage is."""
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(UserError, match=r"half\.json is set aside: it is not whole JSON"):
        read(tmp_path)


@pytest.mark.parametrize("make", [False, True])
def test_missing_or_empty_folder_says_how_to_fill_it(tmp_path: Path, make: bool) -> None:
    """Nothing to report is the user's to mend."""
    folder = tmp_path / "records"
    if make:
        folder.mkdir()
    with pytest.raises(UserError, match="topoeval run SUITE"):
        read(folder)


def test_temporary_files_are_not_records(tmp_path: Path) -> None:
    """A suite that is still writing can be reported."""
    folder = write_records(tmp_path, [make_record()])
    (folder / ".abc.json").write_text("{")
    (folder / "abc.json.tmp").write_text("{")
    assert len(read(folder).runs) == 1


def test_variants_of_a_method_are_told_apart(tmp_path: Path) -> None:
    """Two backends are two rows, not two seeds."""
    variants = [make_record(changes={"spec.backend": name}) for name in ("gudhi", "cripser")]
    records = read(write_records(tmp_path, [*variants, make_record("dice_ce")]))
    assert sorted(records.runs["arm"]) == [
        "Cross-entropy [backend=cripser]",
        "Cross-entropy [backend=gudhi]",
        "Dice + cross-entropy",
    ]


def test_variants_of_a_dataset_are_told_apart(tmp_path: Path) -> None:
    """The same images under another topology are another dataset."""
    other = make_record(changes={"spec.topology": "V-superlevel-plain"})
    records = read(write_records(tmp_path, [make_record(), other]))
    assert set(records.runs["dataset"]) == {
        "strokes [topology=T-superlevel-plain]",
        "strokes [topology=V-superlevel-plain]",
    }


def test_parents_that_differ_in_seed_alone_make_no_variant(tmp_path: Path) -> None:
    """Every seed has a start of its own, and the rows stay one."""
    starts = [make_record("start", seed=seed) for seed in range(2)]
    children = [
        make_record(seed=seed, changes={"spec.parents": {"start": starts[seed]["id"]}})
        for seed in range(2)
    ]
    records = read(write_records(tmp_path, [*starts, *children]))
    assert set(records.runs["arm"]) == {"Cross-entropy", "Cross-entropy, first epochs"}


def test_parents_with_other_settings_make_a_variant(tmp_path: Path) -> None:
    """A run from a longer trained start must not be averaged with the others."""
    starts = [make_record("start", changes={"spec.training.epochs": epochs}) for epochs in (5, 9)]
    children = [
        make_record(seed=seed, changes={"spec.parents": {"start": starts[seed]["id"]}})
        for seed in range(2)
    ]
    records = read(write_records(tmp_path, [*starts, *children]))
    assert records.runs["arm"].nunique() == 4


def test_two_records_of_one_run_are_refused(tmp_path: Path) -> None:
    """Counting a seed twice would narrow the interval."""
    twin = make_record(changes={"id": "0" * 16})
    with pytest.raises(UserError, match="are the same run"):
        read(write_records(tmp_path, [make_record(), twin]))


def test_copied_record_counts_once(tmp_path: Path) -> None:
    """The same record under two names is one record, and the other name is told."""
    folder = write_records(tmp_path, [make_record()])
    (folder / "copy.json").write_text(json.dumps(make_record()))
    records = read(folder)
    assert len(records.runs) == 1
    assert records.damaged[0].problem == f"it is the record of run {make_record()['id']}"


FURTHER = {
    "spec.dataset.tests": {"basal": {"split": "relaxed", "size": None, "params": {}}},
    "tests": {"basal": {"cases": {"case": ["relaxed-0"], "dice": [0.25], "b0": [1], "b1": [0]}}},
}


def test_each_further_test_is_a_dataset_of_its_own(tmp_path: Path) -> None:
    """Its cases are never pooled with the main test's, and what was spent is counted once."""
    folder = write_records(tmp_path, [make_record(seed=s, changes=FURTHER) for s in (0, 1)])
    records = read(folder)
    dice = records.cases.groupby("dataset")["dice"].mean()
    assert dice.to_dict() == pytest.approx(
        {"strokes [test=basal]": 0.25, "strokes [test=test]": 0.875}
    )
    assert sorted(records.runs["n_cases"]) == [1, 1, 4, 4]
    further = records.runs[records.runs["dataset"] == "strokes [test=basal]"]
    assert further["wall_s"].isna().all()
    assert records.runs["file"].nunique() == 2


def test_a_failed_run_is_missing_from_each_of_its_tests(tmp_path: Path) -> None:
    """A method that failed is not scored on the seeds that are left as if there were no others."""
    changes = {"spec.dataset.tests": FURTHER["spec.dataset.tests"]}
    good = make_record(changes=FURTHER)
    failed = make_record(seed=1, status="failed", error="ValueError: no", changes=changes)
    runs = read(write_records(tmp_path, [good, failed])).runs
    assert runs.groupby("dataset")["status"].apply(sorted).tolist() == [["failed", "ok"]] * 2


def test_records_without_further_tests_are_read_as_before(tmp_path: Path) -> None:
    """No label, no second row."""
    records = read(write_records(tmp_path, [make_record()]))
    assert records.runs["dataset"].tolist() == ["strokes"]
    assert len(records.documents) == 1


@pytest.mark.parametrize(
    ("columns", "ndim"),
    [
        (("betti_error_0", "betti_error_1", "betti_error_2"), 3),
        (("betti_matching_union_0", "betti_matching_union_1"), 2),
        (("b0", "b1", "b2"), 3),
        (("b0_true", "b1_true", "nsd_2"), 2),
    ],
)
def test_columns_of_dimensions_say_how_many_axes_images_have(
    tmp_path: Path, columns: tuple[str, ...], ndim: int
) -> None:
    """Captions name the neighbours by it; a board without Betti numbers has errors of each."""
    record = make_record()
    kept = {key: value for key, value in record["cases"].items() if not key.startswith("b")}
    number = len(next(iter(kept.values())))
    record["cases"] = kept | {column: [0] * number for column in columns}
    assert read(write_records(tmp_path, [record])).runs["ndim"].tolist() == [ndim]
