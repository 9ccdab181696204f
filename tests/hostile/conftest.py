"""The command line as a process of its own."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import call  # noqa: F401  # a fixture


@pytest.fixture
def started(tmp_path):
    """Run the command line in a process, with more variables; what it prints are bytes as text."""

    def run(*arguments, before=(), **variables):
        environ = {**os.environ, "TOPOEVAL_CACHE": "", "OMP_NUM_THREADS": "1", **variables}
        command = [*before, sys.executable, "-P", "-m", "topoeval.cli", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environ, check=False,
            cwd=tmp_path, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run
