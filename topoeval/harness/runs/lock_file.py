"""Opening the file of a lock, in a folder in which others may have put something else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from topoeval.errors import UserError


def open_lock(path: Path, purpose: str, mode: int) -> int:
    """Open a lock file, made if it is not there; return its descriptor.

    A link is not followed, a pipe is not waited for, and nothing is written.

    Parameters
    ----------
    path
        The file.
    purpose
        What it is for, in words that fit after its name.
    mode
        ``os.O_RDONLY`` or ``os.O_RDWR``; on network file systems a lock of one process alone needs
        the second.

    Raises
    ------
    UserError
        It is no ordinary file.
    OSError
        The machine refuses, as a full or read-only disk does.
    """
    flags = mode | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        try:
            file = os.open(path, flags)
        except FileNotFoundError:
            file = os.open(path, flags | os.O_CREAT, 0o644)
    except OSError as error:
        if not os.path.lexists(path):  # its folder refuses, and not what is there
            raise
        raise UserError(
            f"{path}, {purpose}, cannot be opened ({error.strerror}); remove it"
        ) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UserError(f"{path}, {purpose}, is no file; remove it")
    return file
