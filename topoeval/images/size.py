"""How large an image may be: decided by its header, before any memory is taken for its voxels.

A file of one megabyte can unpack to gigabytes, and a header can promise terabytes that are not
there. Every reader of `topoeval.images` calls `check_size` between the two.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from numpy.typing import DTypeLike

from topoeval.errors import UserError
from topoeval.limits import usable_memory

MOST_VOXELS = 2**30
"""Values of the largest image that is read, channels included; `LIMIT` sets another number."""
LIMIT = "TOPOEVAL_MAX_VOXELS"
# what every header may have, however low the limit is
_FEW_BYTES = 2**20


def check_size(path: Path, shape: Sequence[int], dtype: DTypeLike) -> None:
    """Refuse an image that is above the limit or larger than the memory of this process.

    Parameters
    ----------
    path
        Named in the message.
    shape
        Lengths of all axes as the header states them.
    dtype
        Of the array that the reader would make.

    Raises
    ------
    UserError
        A length is negative, there are more values than the limit, or they need more memory than
        there is.

    Examples
    --------
    >>> check_size(Path("a.nii"), (512, 512, 200), "uint8")
    >>> check_size(Path("a.nii"), (30000, 30000, 30000), "uint8")
    Traceback (most recent call last):
    ...
    topoeval.errors.UserError: a.nii: shape (30000, 30000, 30000) has 27,000,000,000,000 voxels, \
above the limit of 1,073,741,824; TOPOEVAL_MAX_VOXELS sets another
    """
    import numpy as np

    lengths = tuple(int(length) for length in shape)
    if any(length < 0 for length in lengths):
        raise UserError(f"{path}: its header states the shape {lengths}")
    voxels, most = math.prod(lengths), _limit()
    if voxels > most:
        raise UserError(
            f"{path}: shape {lengths} has {voxels:,} voxels, above the limit of {most:,}; "
            f"{LIMIT} sets another"
        )
    needed, memory = voxels * np.dtype(dtype).itemsize, _memory()
    if needed > memory:
        raise UserError(
            f"{path}: shape {lengths} of {np.dtype(dtype)} needs {needed / 2**30:.2f} GiB of "
            f"memory, and this process may use {memory / 2**30:.2f} GiB"
        )


def check_bytes(path: Path, count: int, what: str) -> None:
    """Refuse what a header says takes so many bytes beside the voxels, if none would."""
    most = max(_limit(), _FEW_BYTES)
    if not 0 <= count <= most:
        raise UserError(
            f"{path}: its header states {count:,} bytes of {what}, above the limit of {most:,}; "
            f"{LIMIT} sets another"
        )


def _limit() -> int:
    said = os.environ.get(LIMIT) or str(MOST_VOXELS)
    if not (said.isascii() and said.isdigit()):
        raise UserError(f"{LIMIT} = {said!r} is no number of voxels")
    return int(said)


def _memory() -> int:
    """Return the bytes that this process may use: of the machine, its groups and `ulimit -v`."""
    memory = usable_memory()
    if sys.platform == "win32":
        return memory
    import resource

    bound = resource.getrlimit(resource.RLIMIT_AS)[0]
    return memory if bound == resource.RLIM_INFINITY else min(memory, bound)
