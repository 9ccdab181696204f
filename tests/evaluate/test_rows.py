"""Rows kept as numbers: the same table, and little memory."""

import tracemalloc

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from topoeval.evaluate.evaluation import evaluate
from topoeval.evaluate.rows import Rows
from topoeval.evaluate.scoring import Options

MASK = np.zeros((8, 8), np.uint8)
MASK[2:6, 2:6] = 1


def test_the_table_is_that_of_the_dictionaries():
    """Whole numbers stay whole, truths stay truths, what is missing is NaN."""
    rows = {
        name: [{"case": name, "class": c, "x": 0.1 * i, "n": i, "m": i > 0, "gap": i} for c in "12"]
        for i, name in enumerate("ab")
    }
    del rows["b"][1]["gap"]
    kept = Rows(("case", "class"), ("x", "n", "m", "gap", "never"))
    for name, of in rows.items():
        kept.add(name, of)
    expected = pd.DataFrame([row for name in "ba" for row in rows[name]])
    expected["never"] = np.nan
    pd.testing.assert_frame_equal(kept.frame("ba"), expected, check_dtype=True)
    assert kept.frame([]).empty


def test_a_row_takes_little_more_than_its_numbers():
    """40 scores are 320 bytes; as a dictionary of floats they are above 2 kB."""
    columns = [f"score{k}" for k in range(40)]
    kept = Rows(("case",), columns)
    tracemalloc.start()
    for case in range(1000):
        row = {name: case + 0.1 * k for k, name in enumerate(columns)}
        kept.add(f"case {case}", [{"case": f"case {case}", **row}])
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 1000 * 1000


def test_rows_are_put_in_order_where_names_need_quotes(tmp_path):
    """Commas, quotes and lines in names go through the file that is sorted at the end."""
    names = ['b "x", y', "a\nb", "c"]
    for side in "pg":
        (tmp_path / side).mkdir()
        for name in names:
            PIL.Image.fromarray(MASK).save(tmp_path / side / f"{name}.png")
    found = evaluate(
        tmp_path / "p", tmp_path / "g", Options(columns=("dice",)), jobs=1, out=tmp_path / "out"
    )
    written = pd.read_csv(tmp_path / "out/cases.csv")
    assert written["case"].tolist() == sorted(names) == found.cases["case"].tolist()
    assert written["dice"].tolist() == pytest.approx([1, 1, 1])
