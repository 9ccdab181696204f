"""A folder of generated files: whole or not there, and nothing left over from the last time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from topoeval.whole_file import write_bytes

SUMS = "SHA256SUMS"


class Folder:
    """Collects the files of a report and writes them at once.

    What an earlier report listed in ``SHA256SUMS`` and this one does not have is removed; no other
    file is touched. ``sha256sum -c SHA256SUMS`` checks a copy.

    Parameters
    ----------
    root
        Where to write; made if missing.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._files: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """Add a file by its path below the root, with ``/`` between the parts."""
        self._files[name] = text

    def save(self) -> None:
        """Write all files; pages last, because who sees a page may follow its links."""
        outdated = self._listed() - self._files.keys()
        for name in sorted(self._files, key=lambda name: (name.endswith(".html"), name)):
            write_text(self.root / name, self._files[name])
        for name in sorted(outdated):
            self._remove(name)
        sums = "".join(
            f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n"
            for name, text in sorted(self._files.items())
        )
        write_text(self.root / SUMS, sums)

    def _listed(self) -> set[str]:
        sums = self.root / SUMS
        if not sums.is_file():
            return set()
        lines = sums.read_text(encoding="utf-8").splitlines()
        return {name for line in lines if (name := line.partition("  ")[2])}

    def _remove(self, name: str) -> None:
        root, path = self.root.resolve(), (self.root / name).resolve()
        # A list from elsewhere must not reach out of the folder.
        if not path.is_relative_to(root) or not path.is_file():
            return
        path.unlink()
        for parent in path.parents:
            if parent == root or any(parent.iterdir()):
                return
            parent.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))
