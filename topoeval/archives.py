"""Archives of arrays and tensors (``.npz``, ``.pt``) that are whole, or known to be damaged.

Both kinds are ZIP files, and neither reader notices every changed byte: the checksums inside cover
values only, and torch does not compare them. The comment at the end of an archive, which all
readers pass over, holds the SHA-256 of everything before it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from topoeval.checksums import LENGTH, PREFIX, checksum
from topoeval.errors import UserError
from topoeval.whole_file import read_bytes, write_bytes

ASIDE = ".damaged"
"""What is added to the name of a damaged file that had to make room; such files are not read."""

_END, _END_SIZE = b"PK\x05\x06", 22


class DamagedFileError(UserError):
    """A file that we wrote and that is not as we wrote it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} is damaged: {problem}")
        self.path = path
        self.problem = problem

    def __reduce__(self) -> tuple[type[DamagedFileError], tuple[Path, str]]:
        """Return how it is built again in another process."""
        return type(self), (self.path, self.problem)


def write_archive(path: Path, archive: bytes) -> None:
    """Write a ZIP file with its checksum; a reader finds the old file or the new one.

    Raises
    ------
    ValueError
        It is no ZIP file, or has a comment already.
    """
    end = archive[-_END_SIZE:]
    if end[:4] != _END or end[-2:] != b"\0\0":
        raise ValueError("an archive ends with the directory of a ZIP file, without a comment")
    content = archive[:-2] + LENGTH.to_bytes(2, "little")
    write_bytes(path, content + checksum(content).encode())


def read_archive(path: Path, *, sealed: bool = True) -> bytes:
    """Return the content of an archive after a comparison with its checksum.

    Parameters
    ----------
    path
        What `write_archive` wrote.
    sealed
        Whether a file without a checksum, as older versions wrote it, counts as damaged.

    Raises
    ------
    DamagedFileError
        It is not what was written.
    OSError
        It cannot be read.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise DamagedFileError(path, str(error.strerror)) from None
    content, comment, prefix = data[:-LENGTH], data[-LENGTH:], PREFIX.encode()
    if not comment.startswith(prefix):
        if sealed or prefix in comment:  # the beginning of a checksum: the file was cut
            raise DamagedFileError(path, "it does not end with its checksum")
        return data
    if comment != checksum(content).encode():
        raise DamagedFileError(path, "its content has another checksum")
    return data


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that a new one can take its name; return what it is called."""
    aside = path.with_name(path.name + ASIDE)
    os.replace(path, aside)
    return aside
