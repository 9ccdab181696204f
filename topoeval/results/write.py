"""Files that appear whole under their names, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary name beside the target, renamed to it once all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        # Temporary files are private; results are to be shared.
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index."""
    write_bytes(path, table.to_csv(index=False).encode())
