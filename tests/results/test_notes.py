"""What a reader is told of the records of one table."""

import numpy as np
import pandas as pd
import pytest

from topoeval.results.notes import mixed_threads


@pytest.mark.parametrize(
    ("threads", "told"),
    [
        ([1, 1, 1], None),
        ([1, 2, 1], "runs by torch threads: 1 (2), 2 (1)."),
        ([4, np.nan, 16, 4], "runs by torch threads: 4 (2), 16 (1)."),
        ([np.nan, 2], None),
    ],
)
def test_records_of_several_numbers_of_threads_are_told_apart(threads, told):
    """One identity, and other last digits (D9); a record that does not say is not counted."""
    note = mixed_threads(pd.DataFrame({"threads": threads}))
    assert (note is None) if told is None else note.endswith(told)
