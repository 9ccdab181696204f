"""Disks of a few kilobytes, and the command line as a process of its own."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import call  # noqa: F401  # a fixture


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of so many kB; where we may not, the test is skipped."""
    mounted = []

    def mount(kilobytes):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            pytest.skip(f"no disk can be mounted here: {told.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


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
