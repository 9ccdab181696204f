"""Tables as CSV whose texts no spreadsheet takes for formulas, and the same texts read back.

A file called ``=HYPERLINK(...)`` would be a formula in the table of scores that somebody opens. A
text that begins like one gets an apostrophe before it, which spreadsheets take for "this is text";
numbers stay as they are. A text that begins with apostrophes before such a sign gets one more, so
that every text comes back as it was.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from typing import Any

import pandas as pd

# The signs with which a formula begins, the forms of full width too; a plus or minus alone is none.
# Some spreadsheets drop tabs and ends of lines, and what follows them then comes first.
_BEGINNING = "(?:[=@\t\r\n\uff1d\uff20]|[+\\-\uff0b\uff0d].)"
_MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]
_LIKE_A_FORMULA = re.compile(f"'*{_BEGINNING}")
_MARKED = re.compile(f"'+{_BEGINNING}")


def csv_cell(text: str) -> str:
    """Return a text as it stands in a table.

    >>> csv_cell("=1+1"), csv_cell("case1"), csv_cell("'=1")
    ("'=1+1", 'case1', "''=1")
    """
    return f"'{text}" if _LIKE_A_FORMULA.match(text) else text


def text_of_cell(cell: str) -> str:
    """Return the text that `csv_cell` was given.

    >>> text_of_cell("'=1+1"), text_of_cell("case1"), text_of_cell("'quoted'")
    ('=1+1', 'case1', "'quoted'")
    """
    return cell[1:] if _MARKED.match(cell) else cell


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV, its texts and the names of its columns by `csv_cell`.

    Parameters
    ----------
    table
        Its index is left out.
    """
    safe = table.copy(deep=False)
    for place, dtype in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype):
            cells = [_safe(value) for value in table.iloc[:, place]]
            safe.isetitem(place, pd.Series(cells, index=table.index, dtype=object))
    safe.columns = pd.Index([_safe(name) for name in table.columns])
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def read_csv(content: bytes, texts: Collection[str]) -> pd.DataFrame:
    r"""Return a table as it was before `to_csv`.

    Parameters
    ----------
    content
        Of a file of UTF-8.
    texts
        Names of the columns of texts; a text may be called ``NA``. Those that are not there are
        passed over.

    Raises
    ------
    ValueError
        It is no table.

    Examples
    --------
    >>> read_csv(b"case,x\nNA,1\n'=b,NA\n", ["case"]).to_dict("list")
    {'case': ['NA', '=b'], 'x': [1.0, nan]}
    """
    head = pd.read_csv(io.BytesIO(content), nrows=0).columns
    table = pd.read_csv(
        io.BytesIO(content),
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values={name: _MISSING for name in head if name not in texts},
    )
    for name in head.intersection(list(texts)):
        table[name] = [text_of_cell(cell) for cell in table[name]]
    return table


def _safe(value: Any) -> Any:
    return csv_cell(value) if isinstance(value, str) else value
