"""What is told of a machine that refuses: a full disk, a limit of memory, a read-only folder."""

from __future__ import annotations

import errno

# another folder helps; the same command again does not
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


def told(error: OSError | MemoryError) -> str:
    """Return one line about what the machine refused.

    Raises
    ------
    OSError
        The same one, where it is no refusal of the machine.
    """
    from topoeval.harness.runs.blame import is_of_machine, words

    if isinstance(error, MemoryError):
        reason = f" ({text})" if (text := " ".join(str(error).split())) else ""
        return f"memory ran out{reason}; fewer processes (--jobs) or smaller images need less"
    if not is_of_machine(error):
        raise error
    if error.errno in _NOT_WRITABLE:
        other = "name another folder with --results or --out"
        return f"{words(error)}; if it was to be written, {other}"
    return f"{words(error)}; what is there is whole, and the same command goes on from it"
