"""What the command line tells of a machine that refuses."""

import errno

import pytest

from topoeval.cli.machine import told


def test_a_refusal_is_one_line_that_names_the_file():
    """A full disk, and memory that ran out in a library with words of its own."""
    line = told(OSError(errno.ENOSPC, "No space left on device", "out/summary.csv"))
    assert line.startswith("out/summary.csv: No space left on device; what is there is whole")
    assert "malloc of size 64 failed" in told(MemoryError("malloc of size\n64 failed"))


def test_other_errors_keep_their_traceback():
    """A file that is not there is a mistake of ours."""
    with pytest.raises(FileNotFoundError):
        told(FileNotFoundError(errno.ENOENT, "No such file", "x"))
