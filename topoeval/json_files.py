"""JSON that somebody wrote by hand: a key that is there twice is a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from topoeval.errors import UserError


def read_json_file(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    UserError
        If it cannot be read, is no JSON, or an object in it has a key twice; of those the `json` of
        Python keeps the last without a word.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UserError as error:  # a kind of ValueError, so it comes first
        raise UserError(f"{path}: {error}") from None
    except ValueError as error:
        raise UserError(f"{path}: no JSON: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UserError(
                f"{key!r} is there twice, as {json.dumps(found[key])} and as {json.dumps(value)}; "
                "keep one"
            )
        found[key] = value
    return found
