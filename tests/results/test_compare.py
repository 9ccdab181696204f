"""Two sets of records side by side."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.conftest import make_record, write_records
from topoeval.errors import UserError
from topoeval.results import compare


def records(change: float = 0.0, seeds: int = 4, **options: Any) -> list[dict[str, Any]]:
    """Return runs of two methods; the change is that of the first one's Dice."""
    found = []
    for m, method in enumerate(("cross_entropy", "dice_ce")):
        for seed in range(seeds):
            rng = np.random.default_rng(10 * m + seed)
            dice = 0.7 + 0.02 * rng.standard_normal(12)
            if m == 0 and change:
                dice += change + 0.001 * rng.standard_normal(12)
            found.append(
                make_record(
                    method, seed=seed, dice=dice.round(4).tolist(), right=[True] * 12, **options
                )
            )
    return found


def write(folder: Path, found: list[dict[str, Any]]) -> Path:
    write_records(folder / "records", found)
    return folder


@pytest.mark.parametrize(("change", "verdict"), [(0.05, "better"), (-0.05, "worse")])
def test_a_change_is_found_in_both_directions(tmp_path: Path, change: float, verdict: str) -> None:
    """The one that changed is named, the other is the same."""
    a, b = write(tmp_path / "a", records()), write(tmp_path / "b", records(change))
    found = compare(a, b, ["dice"]).differences.set_index("arm")
    assert found["change"].to_dict() == {
        "Cross-entropy": verdict, "Dice + cross-entropy": "same",
    }  # fmt: skip
    row = found.loc["Cross-entropy"]
    assert row["low"] < change < row["high"]
    assert row["b"] - row["a"] == pytest.approx(row["difference"])
    regressions = compare(a, b).regressions
    assert bool(regressions) == (verdict == "worse")


def test_noise_is_no_change(tmp_path: Path) -> None:
    """Other numbers whose difference could be chance stay open."""
    shuffled = records()
    rng = np.random.default_rng(0)
    for record in shuffled:
        noise = 0.02 * rng.standard_normal(12)
        record["cases"]["dice"] = (np.array(record["cases"]["dice"]) + noise).tolist()
    a, b = write(tmp_path / "a", records()), write(tmp_path / "b", shuffled)
    found = compare(a, b, ["dice"])
    assert set(found.differences["change"]) == {"open"}
    assert found.regressions == []


def test_one_seed_is_compared_and_not_judged(tmp_path: Path) -> None:
    """There is no interval of one run."""
    a = write(tmp_path / "a", records(seeds=1))
    b = write(tmp_path / "b", records(-0.3, seeds=1))
    row = compare(a, b, ["dice"]).differences.iloc[0]
    assert row["change"] == "open"
    assert np.isnan(row["low"])


def test_what_came_went_or_broke_is_listed(tmp_path: Path) -> None:
    """A run on one side alone, and one that was ok."""
    before, after = records(), records()
    gone = before[1]
    after.remove(next(record for record in after if record["id"] == gone["id"]))
    after.append(make_record("betti_prior_sup", seed=0))
    broken = after[0]
    broken.update(status="crashed", error="Segmentation fault", cases={})
    found = compare(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert found.only_a[["arm", "seed"]].to_numpy().tolist() == [["Cross-entropy", 1]]
    assert found.only_b["arm"].tolist() == ["Betti prior, supervised"]
    assert found.statuses[["a", "b"]].to_numpy().tolist() == [["ok", "crashed"]]
    assert found.regressions == [
        "Cross-entropy on strokes, seed 0: ok -> crashed Segmentation fault"
    ]


def test_records_of_two_commits_in_one_folder_are_two_sides(tmp_path: Path) -> None:
    """``FOLDER@COMMIT``; the name of a commit may be short, and a wrong one names those there."""
    made = [
        *records(changes={"environment.topoeval.commit": "aaaaaaa1"}),
        *(
            record | {"id": f"b{record['id'][1:]}"}
            for record in records(-0.05, changes={"environment.topoeval.commit": "bbbbbbb2"})
        ),
    ]
    folder = write(tmp_path / "both", made)
    found = compare(f"{folder}@aaaa", f"{folder}@bbbbbbb2", ["dice"])
    assert found.regressions[0].startswith("Cross-entropy on strokes: dice")
    with pytest.raises(UserError, match=r"commit cccc; there are: aaaaaaa1, bbbbbbb2"):
        compare(f"{folder}@cccc", f"{folder}@bbbb")


def test_committed_results_of_two_revisions_are_two_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``REVISION:FOLDER``, as git has it; the checkout is not touched."""
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]

    def commit(found: list[dict[str, Any]]) -> None:
        write(tmp_path / "results" / "s", found)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "x"], check=True)

    subprocess.run([*git, "init", "-q", "."], check=True)
    commit(records())
    commit(records(-0.05))
    found = compare("HEAD^:results/s", "HEAD:results/s", ["dice"])
    assert len(found.regressions) == 1
    assert compare("HEAD:results/s", "results/s").regressions == []
    with pytest.raises(UserError, match="git has no HEAD:nowhere here"):
        compare("HEAD:nowhere", "results/s")
    with pytest.raises(UserError, match="git has no v9:results/s here"):
        compare("v9:results/s", "results/s")


def test_sides_that_cannot_be_compared_are_told(tmp_path: Path) -> None:
    """No such folder, nothing in common, an unknown score, one that nobody can win."""
    a = write(tmp_path / "a", records())
    with pytest.raises(UserError, match="nowhere: no such folder"):
        compare(a, tmp_path / "nowhere")
    other = write(tmp_path / "b", [make_record("betti_prior_sup", dataset="digits")])
    with pytest.raises(UserError, match="no run is in both"):
        compare(a, other)
    with pytest.raises(UserError, match="did you mean 'dice'"):
        compare(a, a, ["dise"])
    with pytest.raises(UserError, match="no better or worse"):
        compare(a, a, ["b0"])
    with pytest.raises(UserError, match=r"no case of .*a has the score 'hd95'"):
        compare(a, a, ["dice", "hd95"])


def test_variants_are_matched_by_what_they_are(tmp_path: Path) -> None:
    """A second backend on one side gives the first one its longer name on both."""
    more = [*records(), *records(changes={"spec.backend": "gudhi"})]
    found = compare(write(tmp_path / "a", records()), write(tmp_path / "b", more), ["dice"])
    assert set(found.differences["change"]) == {"same"}
    assert len(found.only_b) == 8
