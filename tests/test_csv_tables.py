"""Texts of tables: no formula for a spreadsheet, and the same text for us."""

import csv
import io

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from topoeval.csv_tables import csv_cell, text_of_cell, to_csv

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "-x", "'=1"]


def test_no_text_begins_like_a_formula():
    """Whatever sign it begins with; plain texts, lone signs and numbers are left alone."""
    for text in FORMULAS:
        assert csv_cell(text) == f"'{text}"
    for text in ("case1", "", "'quoted'", "-", "+", "a=b", "1-40", " =1"):
        assert csv_cell(text) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n\uff1d\uff0bab1"), max_size=6))
def test_every_text_comes_back(text):
    """And no two texts are one cell."""
    assert text_of_cell(csv_cell(text)) == text


def test_a_table_keeps_its_numbers():
    """Negative ones too, in columns of their own and beside texts; names of columns are texts."""
    table = pd.DataFrame(
        {"case": ["-a", "b"], "x": [-1.5, np.nan], "mixed": [-2.0, "=x"], "n": [-1, 2]}
    ).rename(columns={"x": "=x"})
    table["kind"] = pd.Categorical(["+k", "l"])
    head, *rows = csv.reader(io.StringIO(to_csv(table)))
    assert head == ["case", "'=x", "mixed", "n", "kind"]
    assert rows == [["'-a", "-1.5", "-2.0", "-1", "'+k"], ["b", "", "'=x", "2", "l"]]
    assert table["case"].tolist() == ["-a", "b"]
