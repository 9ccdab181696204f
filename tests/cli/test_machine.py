"""What the command line tells of a machine that refuses."""

import errno
import os

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


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_not_tried_again(number):
    """The same command would meet the same refusal."""
    line = told(OSError(number, os.strerror(number), "results/quickstart"))
    assert line.startswith(f"results/quickstart: {os.strerror(number)}; ")
    assert "--results" in line
    assert "goes on" not in line
