"""`bench/claims.py`: the tables of docs/claims.md from records."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.report.conftest import make_record, write_records
from topoeval.report.summary import summarise
from topoeval.results.records import read


@pytest.fixture
def claims() -> ModuleType:
    """Load the script."""
    path = Path(__file__).parents[2] / "bench" / "claims.py"
    spec = importlib.util.spec_from_file_location("claims", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gains_are_paired_by_seed_and_the_growth_is_theirs(
    tmp_path: Path, claims: ModuleType
) -> None:
    """A method that gains 1/4 on easy and 2/4 on hard, on every seed but one, by hand."""
    records = []
    gained = {"easy": (1, 1, 1), "hard": (2, 2, 3)}
    for level, gains in gained.items():
        for seed, gain in enumerate(gains):
            changes = {"spec.dataset.params": {"difficulty": level}}
            right = [False] * 4
            records.append(make_record(seed=seed, right=right, changes=changes))
            right = [place < gain for place in range(4)]
            records.append(make_record("betti_prior_sup", seed=seed, right=right, changes=changes))
    found = claims.tables(summarise(read(write_records(tmp_path, records)), "cross_entropy"))
    accuracy = found.split("\n\n")[0].splitlines()
    assert accuracy[0].startswith("| Betti accuracy, test | difficulty=easy | difficulty=hard |")
    assert accuracy[2].startswith("| Cross-entropy | 0.000")
    # mean of 2, 2, 3 quarters; half width t(0.975, 2) * sd / sqrt(3) = 4.303 * 0.1443 / 1.732
    assert accuracy[3].endswith("| +0.583 [+0.225, +0.942] | +0.333 [-0.025, +0.692] |")


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        (["a [difficulty=hard]", "a [difficulty=easy]"], ["easy", "hard"]),
        (["m [lines=12]", "m [lines=4]"], ["lines=4", "lines=12"]),
        (["s [kept=0.4, noise=0.03]", "s [kept=none, noise=none]"], ["none", "0.03"]),
    ],
)
def test_levels_go_from_easy_to_hard(
    claims: ModuleType, datasets: list[str], expected: list[str]
) -> None:
    """By name, by number, and none is the least."""
    (found,) = claims._by_test(datasets).values()
    assert all(word in name for word, name in zip(expected, found, strict=True))


def test_tests_are_told_apart_and_kinds_of_labels_have_no_level(claims: ModuleType) -> None:
    """A sweep is one of levels; a dataset is called by what sets it apart."""
    names = [f"c [difficulty={d}, test={t}]" for t in ("basal", "test") for d in ("easy", "hard")]
    assert {test: len(found) for test, found in claims._by_test(names).items()} == {
        "basal": 2,
        "test": 2,
    }
    assert claims._level("t [labels=noisy, revision=12ab, test=test]") is None
    assert claims._short("t [labels=noisy, revision=12ab, test=test]") == "labels=noisy"
