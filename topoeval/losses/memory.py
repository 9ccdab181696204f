"""What a loss computed of targets that it has seen: kept by their content, up to a size."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import torch

from topoeval.errors import UserError

VARIABLE = "TOPOEVAL_TARGET_CACHE"
_DEFAULT_MIB = 64

_Key = tuple[Any, ...]


class TargetMemory:
    """The rows of `TargetLoss.prepare`, one for each target, by a hash of its voxels.

    A training that repeats its targets (one image again and again, a validation set, an epoch
    without augmentation) then prepares each of them once without knowing of `prepare`. What was
    used longest ago is dropped. The environment variable ``TOPOEVAL_TARGET_CACHE`` sets the size in
    MiB for each loss, 64 if it is not set; 0 switches the memory off. Threads may share a loss;
    copies made by pickle or `copy.deepcopy` start with nothing.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[_Key, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        # Never waited for: a process may have been forked while a thread held it.
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[TargetMemory], tuple[()]]:
        return TargetMemory, ()

    def __len__(self) -> int:
        return len(self._rows)

    def recall(
        self,
        settings: _Key,
        target: torch.Tensor,
        prepare: Callable[[torch.Tensor], Any],
        select: Callable[[Any, torch.Tensor], Any],
    ) -> Any:
        """Return what `prepare` returns of targets ``(B, ...)``, those that are known left out.

        Parameters
        ----------
        settings
            What the rows depend on besides the targets; hashable.
        target
            On any device.
        prepare, select
            Those of the loss.
        """
        keys = [(*settings, digest) for digest in digests(target)]
        rows = self._known(keys)
        missing = [i for i, row in enumerate(rows) if row is None]
        if missing:
            every = len(missing) == len(rows)
            fresh = prepare(target if every else target[missing])
            for at, i in enumerate(missing):
                rows[i] = select(fresh, torch.tensor([at]))
            self._keep({keys[i]: rows[i] for i in missing})
            if every:
                return fresh
        return (
            torch.cat(rows)
            if isinstance(rows[0], torch.Tensor)
            else list(chain.from_iterable(rows))
        )

    def _known(self, keys: Sequence[_Key]) -> list[Any]:
        if not self._lock.acquire(blocking=False):
            return [None] * len(keys)
        try:
            for key in keys:
                if key in self._rows:
                    self._rows.move_to_end(key)
            return [self._rows[key][0] if key in self._rows else None for key in keys]
        finally:
            self._lock.release()

    def _keep(self, rows: dict[_Key, Any]) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            for key, row in rows.items():
                if key not in self._rows:
                    size = _size(row)
                    self._rows[key] = row, size
                    self._bytes += size
            while self._bytes > limit_bytes():
                _, (_, size) = self._rows.popitem(last=False)
                self._bytes -= size
        finally:
            self._lock.release()


def limit_bytes() -> int:
    """Return how much each loss may keep, in bytes, as the environment says.

    Raises
    ------
    UserError
        If the variable is no number, or negative.
    """
    return _bytes_of(os.environ.get(VARIABLE, str(_DEFAULT_MIB)))


@cache
def _bytes_of(text: str) -> int:
    try:
        mib = float(text)
    except ValueError:
        mib = -1.0
    if not 0 <= mib < float("inf"):
        raise UserError(f"{VARIABLE} is the size of a cache in MiB, 0 for none; got {text!r}")
    return int(mib * (1 << 20))


def digests(target: torch.Tensor) -> list[bytes]:
    """Return a hash of each target ``(B, ...)``: of its form, type, device and voxels."""
    voxels = target.detach().cpu()
    if voxels.dtype == torch.bfloat16:  # which NumPy does not know
        voxels = voxels.view(torch.int16)
    array = voxels.numpy()
    form = f"{tuple(target.shape[1:])} {target.dtype} {target.device}".encode()
    flat = array.reshape(len(array), -1)
    bright = flat != 0
    if np.array_equal(bright, flat):  # zeros and ones: a bit for each tells all
        form, flat = form + b" binary", np.packbits(bright, axis=1)
    flat = np.ascontiguousarray(flat)
    return [hashlib.blake2b(form + row.tobytes(), digest_size=16).digest() for row in flat]


def _size(row: Any) -> int:
    if isinstance(row, torch.Tensor):
        return row.nbytes
    if isinstance(row, np.ndarray):
        return row.nbytes + 128
    return 64 + sum(_size(one) for one in row)
