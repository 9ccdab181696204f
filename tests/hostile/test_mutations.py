"""Files with random damage: the same result, one clear line, or, without checksums, other data.

TOPOEVAL_MUTATIONS sets how many of each kind (20 by default), TOPOEVAL_MUTATIONS_SEED from where.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.foreign_files import FOREIGN
from tests.hostile.our_files import OURS

COUNT = int(os.environ.get("TOPOEVAL_MUTATIONS", "20"))
SEED = int(os.environ.get("TOPOEVAL_MUTATIONS_SEED", "0"))
BATCH = 2000
KINDS = OURS | FOREIGN
NEEDS = {"tables": "pyarrow", "nifti": "nibabel", "nifti-gz": "nibabel", "mgz": "nibabel",
         "mha": "SimpleITK", "nrrd": "SimpleITK", "hdf5": "h5py"}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_noticed_or_harmless(kind):
    """No traceback, no end of the process, no memory above the cap; counts are printed.

    Nor are there other data of what we write, and of formats that have a checksum.
    """
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind])
    program = Path(__file__).with_name("mutations.py")
    counts = {}
    for batch, begin in enumerate(range(0, COUNT, BATCH)):
        size = min(BATCH, COUNT - begin)
        done = subprocess.run(
            [sys.executable, program, kind, str(SEED + batch), str(size)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        assert done.returncode == 0, (done.returncode, lines[-1:], done.stderr[-2000:])
        found = json.loads(lines[-1])
        assert found.pop("wrong") == []
        for name, number in found.items():
            if name != "kind":
                counts[name] = counts.get(name, 0) + number
    print(f"{kind}: {counts}")
    assert sum(counts.values()) == COUNT
    if KINDS[kind][3]:
        assert counts.get("other", 0) == 0
