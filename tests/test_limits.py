"""What a process may use, of what its machine has."""

import os

import psutil
import pytest

from topoeval import limits
from topoeval.errors import UserError


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups as a kernel shows them: paths of files to their texts."""
    monkeypatch.setattr(limits, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(limits, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def write(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    return write


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("", {}, 8),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/", {"cpu.max": "250000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/a/b", {"cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("3:cpu,cpuacct:/c", {"cpu,cpuacct/c/cpu.cfs_quota_us": "400000",
                              "cpu,cpuacct/c/cpu.cfs_period_us": "100000"}, 4),
        ("3:cpu:/c", {"cpu/c/cpu.cfs_quota_us": "-1", "cpu/c/cpu.cfs_period_us": "100000"}, 8),
    ],
)  # fmt: skip
def test_cores(groups, own, files, cores):
    """The affinity, and the smallest quota of our groups and those above, rounded down (D11)."""
    groups(own, files)
    assert limits.usable_cores() == cores


def test_one_core_by_affinity(groups, monkeypatch):
    """As after taskset -c 0 (D11)."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    groups("", {})
    assert limits.usable_cores() == 1


@pytest.mark.parametrize(
    ("own", "files", "memory"),
    [
        ("0::/", {"memory.max": "max"}, None),
        ("0::/a/b", {"a/memory.max": str(2**20), "a/b/memory.max": str(2**30)}, 2**20),
        ("4:memory:/x", {"memory/x/memory.limit_in_bytes": str(2**21)}, 2**21),
        ("4:memory:/of/the/host", {"memory/memory.limit_in_bytes": str(2**22)}, 2**22),
    ],
)
def test_memory(groups, own, files, memory):
    """The machine's, or the least that one of the groups allows."""
    groups(own, files)
    assert limits.usable_memory() == (memory or psutil.virtual_memory().total)


def test_amounts_of_memory_are_read():
    """Numbers with a unit; anything else is refused."""
    assert limits.parse_memory("800M") == 800 * 2**20
    assert limits.parse_memory("1.5GiB") == 3 * 2**29
    for text in ("much", "-1G", "1.5X"):
        with pytest.raises(UserError, match="amount of memory"):
            limits.parse_memory(text)
