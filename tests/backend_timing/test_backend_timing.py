"""Engines side by side: what is measured, and what becomes of those that do not play along."""

import io

import numpy as np
import pytest
from rich.console import Console

from topoeval import UserError
from topoeval.backend_timing.cases import FULL, QUICK, Case, Plan
from topoeval.backend_timing.images import KINDS, images
from topoeval.backend_timing.measure import measure
from topoeval.backend_timing.record import Quartiles, Record, Row
from topoeval.backend_timing.tables import markdown, terminal, write
from topoeval.backend_timing.worker import can_weigh
from topoeval.persistence import BACKENDS, compute

# V alone, T alone, both: whatever is installed of them beside our own
NAMES = [name for name in ("native", "betti_matching", "ripser") if name in BACKENDS.available()]
SMALL = Plan(
    images=(16, 24),
    volumes=(6,),
    kinds=("noise",),
    memory_kinds=("noise",),
    memory_from=576,
    repeats=2,
)
ENVIRONMENT = {
    "cpu": "a processor",
    "cores": 2,
    "memory_bytes": 2**34,
    "platform": "Linux",
    "threads": 1,
    "python": "3.11",
    "load_average": 0.1,
    "versions": {"numpy": "2"},
    "topoeval": {"commit": "abc"},
}


@pytest.fixture(scope="module")
def measured():
    """Measure three engines, once."""
    return measure(SMALL, NAMES)


def test_a_row_for_each_backend_and_case_it_takes(measured):
    """And only for those; memory where the plan says so."""
    expected = set()
    for series in SMALL.series():
        for case in series:
            for name in NAMES:
                info = BACKENDS.load(name).info
                if case.ndim in info.ndims and case.construction in info.constructions:
                    expected.add((name, case))
    assert {(row.backend, row.case) for row in measured.rows} == expected
    for row in measured.rows:
        assert row.status == "ok", row
        assert row.repeats == 2
        assert 0 < row.cpu_s.q1 <= row.cpu_s.median <= row.cpu_s.q3
        assert row.voxels_per_second == pytest.approx(row.case.voxels / row.cpu_s.median)
        assert (row.peak_bytes is None) == (row.case.voxels < 576 or not can_weigh())


def test_the_bars_are_counted_and_agree(measured):
    """With what `compute` answers for the same image, and among each other."""
    assert measured.disagreements() == []
    for row in measured.rows:
        if row.backend == "native":
            bars = compute(row.case.batch(), row.case.topology, spatial_dims=row.case.ndim)
            assert row.bars == tuple(int((bars.dim == dim).sum()) for dim in range(row.case.ndim))


def test_records_come_back_as_they_were(measured, tmp_path):
    """Through JSON, and the files made from them are the same again."""
    first = write(measured, tmp_path / "a")
    loaded = Record.load(tmp_path / "a" / "records.json")
    assert loaded == measured
    for one, other in zip(first, write(loaded, tmp_path / "b"), strict=True):
        if one.suffix != ".png":
            assert one.read_bytes() == other.read_bytes(), one.name


def test_misbehaving_engines_are_rows(misbehaving):
    """One that is slow, one that crashes, one that raises and one that is wrong; none stops us."""
    names = ["native", "sleepy", "crashing", "raising", "forgetful"]
    plan = Plan(images=(16, 24), volumes=(), kinds=("noise",), memory_kinds=(), repeats=1, budget=1)
    record = measure(plan, names)
    rows = {
        (row.backend, row.case.size): row for row in record.rows if row.case.construction == "V"
    }
    assert rows["native", "24x24"].status == "ok"
    assert rows["sleepy", "16x16"].status == "over budget"
    assert rows["sleepy", "24x24"].note == "already at 16x16"
    assert rows["crashing", "16x16"].note == "its process ended with exit code 3"
    assert rows["raising", "16x16"].note == "MemoryError: no room for this"
    wrong = [line for line in record.disagreements() if line.startswith("V 16x16 noise H1")]
    counts = rows["native", "16x16"].bars[1]
    assert wrong == [f"V 16x16 noise H1: native {counts}, forgetful {counts - 1}"]
    page = markdown(record, [])
    assert "> 1 s" in page
    assert "**The backends disagree**" in page
    assert "forgetful *" in page
    assert "crashing, V 16x16 noise: failed its process ended with exit code 3" in page


def test_unknown_backends():
    """Named with the nearest known one, before anything is measured."""
    with pytest.raises(UserError, match="'natve'; did you mean 'native'"):
        measure(SMALL, ["natve"])


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_quartiles(n):
    """As NumPy has them."""
    values = np.random.default_rng(n).random(n).tolist()
    found = Quartiles.of(values)
    expected = np.percentile(values, [25, 50, 75])
    assert (found.q1, found.median, found.q3) == pytest.approx(tuple(expected))


def test_a_terminal_shows_brackets():
    """Ranges stand in brackets, which the terminal's markup must leave alone."""
    row = Row("native", Case("noise", (4, 4), "V"), "ok", Quartiles(0.001, 0.002, 0.003),
              Quartiles(0.001, 0.002, 0.003), repeats=3, bars=(1, 2))  # fmt: skip
    record = Record(ENVIRONMENT, {"native": "ours"}, 3.0, [row])
    console = Console(width=120, file=io.StringIO())
    console.print(terminal(record))
    text = " ".join(console.file.getvalue().split())
    assert "2 [1, 3]" in text
    assert "median [middle half]" in text
    assert "count the same bars in every case" in text


def test_what_holds_no_records(tmp_path):
    """One line that names the file."""
    path = tmp_path / "records.json"
    with pytest.raises(UserError, match="holds no records"):
        Record.load(path)
    for text in ("", "{}", '{"schema": 1, "rows": [{}]}'):
        path.write_text(text)
        with pytest.raises(UserError, match="holds no records"):
            Record.load(path)
    path.write_text('{"schema": 99}')
    with pytest.raises(UserError, match="another schema"):
        Record.load(path)


def test_the_quick_plan_is_part_of_the_full_one():
    """Smaller in every respect, so that the same table comes out."""
    assert set(QUICK.images) <= set(FULL.images)
    assert set(QUICK.volumes) <= set(FULL.volumes)
    assert set(QUICK.kinds) <= set(FULL.kinds)
    assert QUICK.budget < FULL.budget


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_the_same_every_time(kind):
    """By their seed, in float32, and finite."""
    first, again, other = (images(kind, (2, 16, 12), seed) for seed in (0, 0, 1))
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
