"""Files that appear whole under their names, or not at all; and files read without waiting."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The ending of the name under which a file is written; what a killed process leaves has it.
PARTIAL = ".partial"


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; the file takes its own name once all went well.

    Whoever reads meanwhile finds the old file or none. Missing folders are made. Several threads,
    processes and machines may write the same file.

    Parameters
    ----------
    path
        The file to be.
    durable
        Wait until the disk has it, so that it outlives a failure of the power.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = f"{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}"
    partial = path.with_name(f".{path.stem}.{writer}{PARTIAL}")
    try:
        yield partial
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file whole; see `whole_file`."""
    with whole_file(path, durable=durable) as partial:
        partial.write_bytes(data)


def read_bytes(path: Path) -> bytes:
    """Return the content of an ordinary file.

    Folders that others can write to may hold anything under a name: a pipe is not waited for.

    Raises
    ------
    OSError
        It cannot be read; with EINVAL where it is no ordinary file.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
        return file.read()


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file of UTF-8 whole; see `whole_file`."""
    write_bytes(path, text.encode(), durable=durable)
