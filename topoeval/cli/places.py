"""Where a command writes: looked at before its work begins, so that none is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from topoeval.errors import UserError


def check_folder(path: Path, option: str = "--out") -> None:
    """Refuse a folder to write to that is a file, lies in one, or takes no files.

    The folder itself need not be there: commands make it. Nothing stays behind.

    Parameters
    ----------
    path
        The folder.
    option
        The option that named it.

    Raises
    ------
    UserError
        If nothing can be written there.
    """
    _check(path, path, option, "another folder")


def check_file(path: Path, option: str = "--out") -> None:
    """Refuse a file to write that is a folder, or whose folder cannot be written to.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    option
        The option that named it.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    if path.is_dir():
        raise UserError(f"{option} {path} is a folder; name a file")
    _check(path, path.parent, option, "a file in another folder")


def check_not_there(path: Path, source: Path, overwrite: bool, option: str = "--out") -> None:
    """Refuse a file to write that is what is read, or that is there already.

    Parameters
    ----------
    path
        The file.
    source
        The file that is read, without the path of an array inside it.
    overwrite
        Whether a file that is there may be replaced; one that is read never may.
    option
        The option that named it.

    Raises
    ------
    UserError
        If something would be lost.
    """
    if not path.exists():
        return
    if source.exists() and path.samefile(source):
        raise UserError(f"{option} {path} is the file that is read; name another file")
    if not overwrite:
        raise UserError(f"{path} is there already; say --overwrite to replace it")


def _check(named: Path, folder: Path, option: str, remedy: str) -> None:
    there = folder
    # a link to nothing does not exist, and no folder can be made in its place
    while not (there.exists() or there.is_symlink() or there == there.parent):
        there = there.parent
    if not there.is_dir():
        if there == named:
            raise UserError(f"{option} {named} is a file; name a folder")
        raise UserError(f"{option} {named}: {there} is a file; name {remedy}")
    try:
        # permissions alone do not tell: folders of the kernel and full disks refuse as well
        with tempfile.TemporaryDirectory(prefix=".topoeval-", dir=there):
            pass
    except OSError as error:
        raise UserError(
            f"{option} {named}: nothing can be written in {there} ({error.strerror}); name {remedy}"
        ) from error
