"""Fetch one published file, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from topoeval.errors import UserError

TIMEOUT_S = 60


def fetch(urls: Sequence[str], path: Path, sha256: str) -> None:
    """Download to ``path``, which comes into being only once its checksum is right.

    Data go to ``path`` + ``.partial``; what an interrupted attempt left there is continued. One
    process at a time may fetch a file.

    Parameters
    ----------
    urls
        Addresses of the same file, tried in turn.
    path
        Where it shall lie; missing folders are made.
    sha256
        Hexadecimal checksum of the file.

    Raises
    ------
    UserError
        If no address answers, or what came is not the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    failures = []
    for url in urls:
        try:
            _receive(url, partial)
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{url}: {error}")
            continue
        with partial.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found == sha256:
            os.replace(partial, path)
            return
        # Wrong bytes must not become the beginning of the next attempt.
        partial.unlink()
        failures.append(f"{url}: sha256 {found}, expected {sha256}")
    raise UserError(
        f"cannot download {path.name}: {'; '.join(failures)}. Try again later, or put the file "
        f"into {path.parent} by hand"
    )


def _receive(url: str, partial: Path) -> None:
    """Append to ``partial`` what it lacks, or start over where the server cannot continue."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "topoeval"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        # 416: nothing beyond what is here. The checksum decides whether that is the whole file.
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return
        raise
    with answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT
        expected = answer.headers.get("Content-Length")
        with partial.open("ab" if resumed else "wb") as file:
            before = have if resumed else 0
            shutil.copyfileobj(answer, file)
            received = file.tell() - before
    # A connection that ends early looks like the end of the file to copyfileobj.
    if expected is not None and received < int(expected):
        raise OSError(f"connection closed after {received} of {expected} bytes")
